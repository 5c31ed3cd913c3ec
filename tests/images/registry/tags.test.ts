import assert from "node:assert/strict";
import { RegistryError } from "../../../images/registry/client";
import { nextPage } from "../../../images/registry/tags";
import { indexedImage, platformImage } from "../../support/oci-images";
import { imageIn, registryFixture, withoutPorts } from "../../support/registry-fixture";
import type { FakeRegistry } from "../../support/registry-server";

const image = indexedImage([platformImage()]);
const { start, client } = registryFixture();

/** Rejects with the error's message, ports taken out. */
async function failureOf(work: Promise<unknown>, registry: FakeRegistry): Promise<string> {
  const outcome = await work.catch((error: unknown) => error);
  assert.ok(outcome instanceof RegistryError, "expected it to fail");
  return `${outcome.code}: ${withoutPorts(outcome.message, registry)}`;
}

describe("the next page of tags", () => {
  const table: readonly [link: string | undefined, path: string | undefined][] = [
    [undefined, undefined],
    ["", undefined],
    ['</v2/team/app/tags/list?last=b&n=2>; rel="next"', "tags/list?last=b&n=2"],
    ["<?last=b>;rel=next", "tags/list?last=b"],
    ['<https://other.test/v2/x/tags/list?last=b#top> ; rel="next"', "tags/list?last=b"],
    ['</first?a>; rel="first", </next?b>; rel="next"', "tags/list?b"],
    ['</v2/team/app/tags/list?last=b>; rel="prev"', undefined],
    ['</v2/team/app/tags/list>; rel="next"', undefined],
    ['/v2/team/app/tags/list?last=b; rel="next"', undefined],
  ];
  for (const [link, path] of table)
    it(`is ${path ?? "none"} for ${link ?? "no header"}`, () => {
      assert.equal(nextPage(link), path);
    });

  for (const part of ["?", "<", "<?", "<a?b", ">", "; ", "<a>;", "<a>; rel=next "])
    it(`is looked for once in a header full of ${part}`, () => {
      const started = performance.now();
      nextPage(`<${part.repeat(100_000)}`);
      assert.ok(performance.now() - started < 500);
    });
});

describe("the list of tags", () => {
  const reference = (registry: FakeRegistry) => imageIn(registry, "team/app:1");

  it("is put together from its pages", async () => {
    const registry = await start({ tagsPerPage: 2 });
    registry.putImage("team/app", image, "a", "b", "c", "d", "e");
    assert.deepEqual(await client([registry]).tags(reference(registry)), ["a", "b", "c", "d", "e"]);
    assert.equal(registry.count("tags"), 4);
  });

  it("ends after ten pages", async () => {
    const registry = await start({ tagsPerPage: 1, auth: "none" });
    registry.putImage("team/app", image, ..."abcdefghijklmnop".split(""));
    assert.deepEqual(await client([registry]).tags(reference(registry)), "abcdefghij".split(""));
    assert.equal(registry.count("tags"), 10);
  });

  it("ends after ten thousand tags", async () => {
    const registry = await start({ auth: "none" });
    const tags = Array.from({ length: 12_000 }, (_, n) => `t${n}`);
    registry.fault = () => ({
      do: "answer",
      status: 200,
      headers: { link: '</?last=x>; rel="next"' },
      body: JSON.stringify({ tags }),
    });
    const listed = await client([registry]).tags(reference(registry));
    assert.deepEqual(listed, tags.slice(0, 10_000));
    assert.equal(registry.count(), 1);
  });

  it("does not leave the repository, whatever the next page is said to be", async () => {
    const registry = await start({ auth: "none" });
    registry.fault = ({ path }) => ({
      do: "answer",
      status: 200,
      headers: path.includes("last=")
        ? {}
        : { link: '<http://169.254.169.254/latest/meta-data?last=x>; rel="next"' },
      body: '{"tags":["a"]}',
    });
    assert.deepEqual(await client([registry]).tags(reference(registry)), ["a"]);
    assert.deepEqual(
      registry.log.map(({ path }) => path),
      ["/v2/team/app/tags/list?n=1000", "/v2/team/app/tags/list?last=x"],
    );
  });

  const bodies: readonly [title: string, body: string, tags: readonly string[] | string][] = [
    ["has only what can be a tag", '{"tags":["a",7,null,"b c","\\u001b[31m"]}', ["a"]],
    ["is empty where it is null", '{"tags":null}', []],
    ["is refused without tags", "{}", "REGISTRY answered with no list of tags"],
    ["is refused where it is no JSON", "<html>", "REGISTRY answered with no list of tags"],
    ["is refused where it is nothing", "null", "REGISTRY answered with no list of tags"],
  ];
  for (const [title, body, expected] of bodies)
    it(title, async () => {
      const registry = await start({ auth: "none" });
      registry.fault = () => ({ do: "answer", status: 200, body });
      const work = client([registry]).tags(reference(registry));
      if (typeof expected === "string")
        assert.equal(
          await failureOf(work, registry),
          `invalid-answer: REGISTRY/team/app:1: ${expected}`,
        );
      else assert.deepEqual(await work, expected);
    });
});
