/** Notifications, delivered to servers of the tests: what arrives, what is not followed, and what fails without an error. */
import assert from "node:assert/strict";
import { createServer as createHttp, IncomingMessage, ServerResponse } from "node:http";
import { AddressInfo, createServer as createTcp, Server, Socket } from "node:net";

import { NOTIFY_EVENTS } from "../../../config/notify";
import { send, Sending } from "../../../tools/notify/notify";
import { noticeText } from "../../../tools/notify/notice";
import { maskOf } from "../../../text/redact";

interface Got {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Readonly<Record<string, unknown>>;
}

const NOTICE = {
  event: "failure",
  title: "prod: deployment FAILED",
  lines: ["failed: n8n is unhealthy", "it said canary-secret and <!channel> @everyone"],
} as const;

describe("a notification", () => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const listen = async (server: Server): Promise<number> => {
    servers.push(server);
    server.on("connection", (socket: Socket) => {
      sockets.add(socket.on("error", () => undefined));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  };
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  const http = async (answer: (response: ServerResponse) => void) => {
    const got: Got[] = [];
    const port = await listen(
      createHttp((request, response) => {
        let text = "";
        request.setEncoding("utf8").on("data", (part: string) => (text += part));
        request.on("end", () => {
          const body = JSON.parse(text) as Got["body"];
          got.push({ path: request.url ?? "", headers: request.headers, body });
          answer(response);
        });
      }),
    );
    return { got, port };
  };
  const fine = (response: ServerResponse): void => void response.end("{}");
  const sending = (...urls: readonly string[]): Sending => ({
    stack: "prod",
    notices: [NOTICE],
    recipients: urls.map((url) => ({ url, on: NOTIFY_EVENTS })),
    mask: maskOf(["canary-secret"]),
  });

  it("reaches ntfy with topic, title and text, secrets masked", async () => {
    const { got, port } = await http(fine);
    const sent = await send(sending(`ntfy://127.0.0.1:${port}/topic`));
    assert.deepEqual(sent, { delivered: 1, problems: [] });
    assert.equal(got[0]?.path, "/");
    assert.deepEqual(got.at(0)?.body, {
      topic: "topic",
      title: "prod: deployment FAILED",
      message: "failed: n8n is unhealthy\nit said [secret] and <!channel> @everyone",
      priority: 4,
    });
  });

  it("reaches a webhook as JSON that Mattermost shows, too", async () => {
    const { got, port } = await http(fine);
    await send(sending(`http://127.0.0.1:${port}/hooks/x?y=z`));
    const message = "failed: n8n is unhealthy\nit said [secret] and <!channel> @everyone";
    assert.equal(got[0]?.path, "/hooks/x?y=z");
    assert.deepEqual(got.at(0)?.body, {
      version: 1,
      stack: "prod",
      event: "failure",
      title: "prod: deployment FAILED",
      message,
      text: `prod: deployment FAILED\n${message}`,
    });
  });

  it("goes only to those who want to hear of the event, a test to all", async () => {
    const { got, port } = await http(fine);
    const url = `http://127.0.0.1:${port}/`;
    const recipients = [
      { url: `${url}1`, on: ["failure"] },
      { url: `${url}2`, on: ["backup", "drift"] },
    ] as const;
    const one = await send({ ...sending(), recipients });
    assert.deepEqual([one.delivered, got.map(({ path }) => path)], [1, ["/1"]]);
    const notices = [{ ...NOTICE, event: "test" }] as const;
    assert.equal((await send({ ...sending(), recipients, notices })).delivered, 2);
  });

  it("follows no redirect, and says what each target has answered without its address", async () => {
    const elsewhere = await http(fine);
    const moved = await http((response) => {
      const location = `http://127.0.0.1:${elsewhere.port}/canary`;
      response.writeHead(307, { location }).end("canary");
    });
    const refused = await http((response) => response.writeHead(403).end("canary"));
    const closed = await listen(createTcp());
    servers.at(-1)?.close();
    const sent = await send(
      sending(
        `http://127.0.0.1:${moved.port}/canary`,
        `ntfy://127.0.0.1:${refused.port}/canary`,
        `http://127.0.0.1:${closed}/canary`,
      ),
    );
    assert.deepEqual(sent, {
      delivered: 0,
      problems: [
        "notify.0: not delivered: webhook (json): it redirects (status 307), which is not followed",
        "notify.1: not delivered: ntfy: it answered with status 403",
        "notify.2: not delivered: webhook (json): the connection was refused",
      ],
    });
    assert.deepEqual(elsewhere.got, []);
  });

  it("waits for no target longer than its limit", async () => {
    const silent = await listen(createTcp());
    const started = Date.now();
    const urls = [`http://127.0.0.1:${silent}/`, `smtp://127.0.0.1:${silent}?from=a@b.c&to=d@e.f`];
    const sent = await send({ ...sending(...urls), limitMs: 300 });
    assert.ok(Date.now() - started < 3000);
    assert.equal(sent.delivered, 0);
    assert.match(sent.problems[0] ?? "", /no answer within 0\.3 s$/);
    assert.match(sent.problems[1] ?? "", /smtp: no answer/);
  });

  /** A mail server without TLS. Resolves to what it is told. */
  const mailServer = async (extensions: readonly string[] = []) => {
    const said: string[] = [];
    const port = await listen(
      createTcp((socket) => {
        let inData = false;
        socket.write("220 canary.example.test ESMTP\r\n");
        let rest = "";
        socket.setEncoding("utf8").on("data", (text: string) => {
          const lines = (rest + text).split("\r\n");
          rest = lines.pop() ?? "";
          for (const line of lines) {
            said.push(line);
            if (inData && line !== ".") continue;
            if (line.startsWith("EHLO"))
              socket.write(
                [...extensions, "SIZE 100000"]
                  .map((one, i, all) => `250${i === all.length - 1 ? " " : "-"}${one}\r\n`)
                  .join(""),
              );
            else if (line === "STARTTLS") socket.write("502 canary\r\n");
            else if (line === "DATA") {
              inData = true;
              socket.write("354 go on\r\n");
            } else if (line === "QUIT") socket.end("221 bye\r\n");
            else {
              inData = false;
              socket.write("250 canary fine\r\n");
            }
          }
        });
      }),
    );
    return { said, port };
  };

  it("reaches everybody of a mail address list", async () => {
    const { said, port } = await mailServer();
    const url = `smtp://127.0.0.1:${port}/?from=stack@example.com&to=a@example.com,b@example.com`;
    assert.deepEqual(await send(sending(url)), { delivered: 1, problems: [] });
    const text = said.join("\n");
    assert.match(text, /^MAIL FROM:<stack@example\.com>/m);
    assert.match(text, /^RCPT TO:<a@example\.com>$[^]*^RCPT TO:<b@example\.com>$/m);
    assert.match(text, /^Subject: prod: deployment FAILED$/m);
    assert.match(text, /^it said \[secret\] and /m);
  });

  it("sends no password to a mail server without TLS", async () => {
    const { said, port } = await mailServer(["AUTH PLAIN LOGIN"]);
    const url = `smtp://me:canary-password@127.0.0.1:${port}/?from=a@b.c&to=d@e.f`;
    const { delivered, problems } = await send(sending(url));
    assert.equal(delivered, 0);
    assert.match(problems[0] ?? "", /^notify\.0: not delivered: smtp: /);
    assert.doesNotMatch(problems.join(), /canary/);
    assert.doesNotMatch(said.join("\n"), /AUTH|MAIL/);
  });
});

describe("the text of a notification", () => {
  it("is short, on printable lines, and says how much is missing", () => {
    const lines = Array.from(
      { length: 50 },
      (_, i) => `line ${i} \u001b[31mred\u001b[0m\u0007 ${"x".repeat(500)}`,
    );
    const { title, text } = noticeText(
      { event: "drift", title: "a\nb\u0000", lines },
      (one) => one,
    );
    assert.equal(title, "a b");
    assert.ok(text.length <= 1600, String(text.length));
    assert.match(text, /^line 0 red x{380,}…\n/);
    assert.match(text, /\nand 47 more lines$/);
    assert.doesNotMatch(text, /[^\P{Cc}\n]/u);
  });
});
