/** The URLs of `notify`: what each is understood as, what is refused, and that no message repeats one. */
import assert from "node:assert/strict";

import { plainConfig, secretTexts } from "../../config/file/edit";
import { parseConfig } from "../../config/config";
import { parseNotifyUrl } from "../../config/notify";
import { ENCRYPTED } from "../../text/messages";
import { problemsOf, rawConfig } from "../support/raw-config";

describe("a notification URL", () => {
  for (const [url, target] of [
    [
      "ntfys://ntfy.example.com/topic_1",
      { kind: "ntfy", server: "https://ntfy.example.com/", topic: "topic_1" },
    ],
    ["ntfy://topic-1", { kind: "ntfy", server: "https://ntfy.sh/", topic: "topic-1" }],
    [
      "ntfys://me:p%40ss@ntfy.example.com:8443/topic",
      {
        kind: "ntfy",
        server: "https://ntfy.example.com:8443/",
        topic: "topic",
        authorization: "Basic bWU6cEBzcw==",
      },
    ],
    [
      "ntfys://tk_0123456789@ntfy.example.com/topic",
      {
        kind: "ntfy",
        server: "https://ntfy.example.com/",
        topic: "topic",
        authorization: "Bearer tk_0123456789",
      },
    ],
    [
      "ntfy://192.168.1.2:8080/topic",
      { kind: "ntfy", server: "http://192.168.1.2:8080/", topic: "topic" },
    ],
    [
      "https://hooks.slack.com/services/T0/B0/x",
      { kind: "webhook", url: "https://hooks.slack.com/services/T0/B0/x", format: "slack" },
    ],
    [
      "https://discord.com/api/webhooks/1/x",
      { kind: "webhook", url: "https://discord.com/api/webhooks/1/x", format: "discord" },
    ],
    [
      "https://chat.example.com/hooks/x?y=z",
      { kind: "webhook", url: "https://chat.example.com/hooks/x?y=z", format: "json" },
    ],
    ["http://nas.lan/hook", { kind: "webhook", url: "http://nas.lan/hook", format: "json" }],
    [
      "smtps://me%40example.com:pass@mail.example.com/?from=stack@example.com&to=a@example.com,b@example.com",
      {
        kind: "smtp",
        host: "mail.example.com",
        port: 465,
        tls: true,
        login: { user: "me@example.com", password: "pass" },
        from: "stack@example.com",
        to: ["a@example.com", "b@example.com"],
      },
    ],
    [
      "smtp://[::1]:2525?from=a@b.c&to=d@e.f",
      { kind: "smtp", host: "::1", port: 2525, tls: false, from: "a@b.c", to: ["d@e.f"] },
    ],
  ] as const)
    it(`is understood: ${url}`, () => {
      assert.deepEqual(parseNotifyUrl(url), target);
    });

  for (const [url, problem] of [
    ["canary", /^expected ntfys:/],
    ["canary://h/x", /^expected ntfys:/],
    ["https://h/canary x", /^expected ntfys:/],
    ["https://h/x#canary", /^expected ntfys:/],
    ["ntfys://h/%zz", /one topic$/],
    ["ntfys://user:%zz@h/canary", /^expected ntfys:/],
    ["ntfys://user:%0d%0acanary@h/x", /^expected ntfys:/],
    ["ntfys://h/one/canary", /one topic$/],
    ["ntfys://:canary@h/topic", /^has a password without a user/],
    ["ntfy://user:canary@192.168.1.2/topic", /^is not encrypted .* use ntfys:\/\/$/],
    ["ntfy://ntfy.example.com/canary", /^is not encrypted .* use ntfys:\/\/$/],
    ["http://example.com/canary", /^is not encrypted .* use https:\/\/$/],
    ["http://8.8.8.8/canary", /^is not encrypted .* use https:\/\/$/],
    ["https://user:canary@example.com/", /^has a login/],
    ["smtps://user:canary@h/?from=a@b.c", /^expected smtps:.*at most 10 recipients$/],
    ["smtps://user:canary@h/?from=a@b.c&to=d@e.f%0d%0aBcc:x@y.z", /^expected smtps:/],
    ["smtps://user:canary@h/?from=a@b.c&to=d@e.f&to=canary@e.f", /^expected smtps:/],
    ["smtp://canary@h/?from=a@b.c&to=d@e.f", /user and password together/],
    [`https://h/${"canary".repeat(400)}`, /^expected ntfys:/],
  ] as const)
    it(`is refused without being repeated: ${url.slice(0, 60)}`, () => {
      const parsed = parseNotifyUrl(url);
      assert.ok("problem" in parsed, JSON.stringify(parsed));
      assert.match(parsed.problem, problem);
      assert.doesNotMatch(parsed.problem, /canary/);
    });
});

describe("the key notify", () => {
  const URL = "https://chat.example.com/hooks/canary-0123456789";
  const secure = new Set([...rawConfig().secure, "notify"]);

  it("tells of everything unless it is said otherwise", () => {
    const notify = [{ url: URL }, { url: ENCRYPTED, on: ["backup"] }];
    const config = parseConfig(rawConfig({ notify }, { stack: "dev", secure }));
    assert.deepEqual(
      config.notify.map(({ on }) => on),
      [["failure", "returned", "drift", "backup"], ["backup"]],
    );
  });

  it("lists its problems and repeats no URL", () => {
    const notify = [
      { url: "https://user:canary@h/", on: ["backups"] },
      { url: URL, to: "me" },
      { on: [] },
      "https://canary.example.com",
    ];
    assert.deepEqual(problemsOf(rawConfig({ notify }, { secure })), [
      "notify.0.url: has a login, which webhooks take in their path; remove it",
      'notify.0.on.0: expected one of failure, returned, drift, backup, got "backups"',
      "notify.1.to: unknown key; remove it or check its spelling",
      "notify.2.url: expected ntfys://[user:password@]host/topic, https://host/path, or smtps://user:password@host/?from=ADDRESS&to=ADDRESS",
      "notify.2.on: expected at least one, got a list",
      "notify.3: expected a map such as { url: …, on: [failure, backup] }",
    ]);
  });

  it("takes a URL in clear text in the dev stack only, from Pulumi and from the file", () => {
    const notify = [{ url: ENCRYPTED }, { url: URL }];
    const clear = `notify.1.url: is stored in clear text; set it with "npx pulumi config set --secret --path --stack prod 'notify[1].url'"`;
    const at = (stack: string, from: ReadonlySet<string>, value: unknown = notify) =>
      problemsOf(rawConfig({ notify: value }, { stack, secure: from }));
    assert.deepEqual(at("dev", new Set(secure)), []);
    assert.deepEqual(at("prod", secure), [clear]);
    assert.deepEqual(at("prod", secure, [{ url: URL }]), []);
    assert.equal(at("prod", rawConfig().secure, [{ url: URL }]).length, 1);
    assert.match(at("prod", secure, ENCRYPTED)[0] ?? "", /^notify: the whole list is encrypted/);
  });

  it("has its URLs, logins and tokens masked in the output of a deployment", () => {
    const urls = [
      "ntfys://tk_canary1@ntfy.example.com/topic",
      "smtps://me:canary%402@h/?from=a@b.c&to=d@e.f",
      "https://hooks.slack.com/services/T0/B0/canary3-0123456789",
    ];
    const value = JSON.stringify(urls.map((url) => ({ url, on: ["failure"] })));
    const config = plainConfig({ "pinned-stack:notify": { value, secret: true } });
    const hidden = secretTexts(config);
    for (const one of [...urls, "tk_canary1", "canary@2", "canary3-0123456789"])
      assert.ok(hidden.includes(one), one);
    assert.ok(!hidden.includes("failure") && !hidden.includes("topic"));
  });
});
