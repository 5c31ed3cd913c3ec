/**
 * A stand-in for an identity provider, as a script for Node.js on port 8080: the parts of OpenID Connect's code flow that
 * oauth2-proxy uses. Anybody may be a member or a stranger. It checks the client's secret.
 */
export const IDENTITY_PROVIDER = `const { createServer } = require("node:http");
const { createSign, generateKeyPairSync, randomBytes } = require("node:crypto");
const { readFileSync } = require("node:fs");

const secret = readFileSync("/run/secrets/oidcClientSecret", "utf8");
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const key = { ...publicKey.export({ format: "jwk" }), kid: "1", alg: "RS256", use: "sig" };
const codes = new Map();
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const tokenFor = (email, nonce) => {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: "http://idp.example.test", sub: email, aud: "stack", email, email_verified: true, iat: now, exp: now + 3600, nonce };
  const text = encode({ alg: "RS256", kid: "1", typ: "JWT" }) + "." + encode(claims);
  return text + "." + createSign("RSA-SHA256").update(text).sign(privateKey, "base64url");
};
const bodyOf = async (request) => {
  let text = "";
  for await (const part of request) text += part;
  return new URLSearchParams(text);
};
const json = (response, status, value) => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
};

createServer(async (request, response) => {
  const url = new URL(request.url, "http://idp");
  if (url.pathname === "/keys") return json(response, 200, { keys: [key] });
  if (url.pathname === "/authorize") {
    const links = ["member@example.test", "stranger@elsewhere.test"].map((email) => {
      const code = randomBytes(16).toString("hex");
      codes.set(code, { email, nonce: url.searchParams.get("nonce") });
      const back = new URL(url.searchParams.get("redirect_uri"));
      back.searchParams.set("code", code);
      back.searchParams.set("state", url.searchParams.get("state"));
      return '<a id="' + email.split("@")[0] + '" href="' + back.href.replaceAll("&", "&amp;").replaceAll('"', "%22") + '">' + email + "</a>";
    });
    response.writeHead(200, { "content-type": "text/html" });
    return response.end("<h1>Who are you?</h1>" + links.join(" "));
  }
  if (url.pathname === "/token") {
    const body = await bodyOf(request);
    const basic = Buffer.from((request.headers.authorization ?? "").replace(/^Basic /, ""), "base64").toString();
    const given = basic === "" ? body.get("client_secret") : decodeURIComponent(basic.split(":")[1] ?? "");
    const code = codes.get(body.get("code"));
    codes.delete(body.get("code"));
    if (given !== secret || code === undefined) return json(response, 401, { error: "invalid_client" });
    return json(response, 200, { access_token: randomBytes(16).toString("hex"), token_type: "Bearer", expires_in: 3600, id_token: tokenFor(code.email, code.nonce) });
  }
  json(response, 404, {});
}).listen(8080);
`;
