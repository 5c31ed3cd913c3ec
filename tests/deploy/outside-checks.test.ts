import assert from "node:assert/strict";

import { dnsChecks } from "../../deploy/outside-checks";
import { StackConfig } from "../../config";

const config = (homepage: string): Pick<StackConfig, "services" | "host"> => ({
  host: { address: "ssh://deploy@server.example.com", hostKey: "unused" },
  services: Object.fromEntries(
    ["traefik", "homepage", "portainer", "n8n", "cadvisor"].map((name) => [
      name,
      { enabled: name === "homepage", host: homepage },
    ]),
  ) as unknown as StackConfig["services"],
});

const names: Readonly<Record<string, readonly string[]>> = {
  "server.example.com": ["192.0.2.1", "2001:db8::1"],
  "here.example.com": ["2001:db8::1"],
  "elsewhere.example.com": ["192.0.2.9"],
};
const resolve = (name: string): Promise<readonly string[]> => Promise.resolve(names[name] ?? []);

describe("the doctor's look at DNS", () => {
  for (const [name, expected] of [
    ["here.example.com", [{ name: "dns", status: "ok", text: "1 names lead to the host" }]],
    [
      "elsewhere.example.com",
      [
        {
          name: "dns",
          status: "could not tell",
          text: "elsewhere.example.com leads to 192.0.2.9",
          fix: "let these names lead to 192.0.2.1, 2001:db8::1",
        },
      ],
    ],
    [
      "nowhere.example.com",
      [
        {
          name: "dns",
          status: "could not tell",
          text: "nowhere.example.com has no address",
          fix: "let these names lead to 192.0.2.1, 2001:db8::1",
        },
      ],
    ],
    ["homepage.localhost", []],
  ] as const)
    it(`warns and no more: ${name}`, async () => {
      assert.deepEqual(await dnsChecks(config(name), resolve), expected);
    });
});
