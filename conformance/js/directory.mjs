// Applications, directory users and roles of a server's built-in directory, made through the operator API.

import { createSign, generateKeyPairSync, randomUUID } from "node:crypto";

// What the communication SDKs ask for; the doubled slash is theirs.
export const DATA_SCOPE = "https://communication.azure.com//.default";
export const MANAGEMENT_SCOPE = "https://management.azure.com/.default";
// Where a directory user's token is exchanged: for a user of the resource, for one of the Teams extension, for Teams.
export const ENTRA_SCOPE = "https://communication.azure.com/clients/VoIP";
export const TEAMS_EXTENSION_SCOPE = "https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls";
export const TEAMS_SCOPE = "https://auth.msft.communication.azure.com/Teams.ManageCalls";

export const PASSWORD = "correct horse battery staple";

/** The directory of one server. What it makes has a name of its own, so that tests may share the server. */
export class Directory {
  #server;

  constructor(server) {
    this.#server = server;
    this.tenantId = server.tenantId;
    this.authority = server.authority;
    // No SDK knows this directory, and none may ask the public cloud about it.
    this.options = { authorityHost: server.authority, disableInstanceDiscovery: true };
  }

  /** Asks the operator API below `/trunkline/directory`. */
  operate(method, path, body) {
    return this.#server.operate(method, `/trunkline/directory${path}`, body);
  }

  /** A new application, with a role on everything or on one resource unless `role` is null. */
  async application(role = "owner", { resource, ...fields } = {}) {
    const made = await this.operate("POST", "/applications", { name: `witness-${randomUUID()}`, ...fields });
    if (role) await this.assign(made.clientId, role, resource);
    return made;
  }

  /** A new secret of an application. */
  async secret(clientId, fields = {}) {
    return (await this.operate("POST", `/applications/${clientId}/credentials`, { kind: "secret", ...fields })).secret;
  }

  /** A new certificate of an application, and its private key, as one PEM text. */
  async certificate(clientId) {
    const { certificate, key } = makeCertificate();
    await this.operate("POST", `/applications/${clientId}/credentials`, { kind: "certificate", certificate });
    return key + certificate;
  }

  /** Lets an application sign in with another issuer's tokens for one subject. */
  federate(clientId, issuer, subject) {
    return this.operate("POST", `/applications/${clientId}/credentials`, { kind: "federated", issuer, subject });
  }

  /** A new directory user. */
  user() {
    const userName = `user-${randomUUID()}@example.com`;
    return this.operate("POST", "/users", { userName, displayName: "Ada Example", password: PASSWORD });
  }

  /** Gives a role on everything, or on the resource of that name. */
  assign(principal, role, resource) {
    return this.operate("POST", "/roleAssignments", { principal, role, ...(resource && { resource }) });
  }

  /** Takes a role away. */
  unassign(assignment) {
    return this.operate("DELETE", `/roleAssignments/${assignment.id}`);
  }

  /**
   * Signs a user in for a web application as a browser would, through the page's own form, and returns the code.
   * The real page in a real browser is witnessed by the Python suite.
   */
  async code(application, user, scope, redirectUri) {
    const query = { client_id: application.clientId, response_type: "code", redirect_uri: redirectUri, scope };
    const address = `${this.authority}/${this.tenantId}/oauth2/v2.0/authorize?${new URLSearchParams(query)}`;
    const answer = await signIn(address, user.userName, PASSWORD);
    const location = answer.headers.get("location");
    if (!location) throw new Error(`the sign-in answered ${answer.status}: ${await answer.text()}`);
    return new URL(location).searchParams.get("code");
  }
}

/** Fills in the sign-in page at an address and sends it; returns the answer, which a browser would follow. */
export async function signIn(address, userName, password) {
  const page = await fetch(address);
  const html = await page.text();
  if (page.status !== 200) throw new Error(`the sign-in page answered ${page.status}: ${html}`);
  const action = unescaped(/<form\b[^>]*\baction="([^"]*)"/.exec(html)?.[1] ?? address);
  const body = formOf(html, { text: userName, password });
  return fetch(new URL(action, address), { method: "POST", body, redirect: "manual" });
}

/** The fields of a page's form; those of a type in `typed` have that value. */
export function formOf(html, typed = {}) {
  const form = new URLSearchParams();
  for (const [tag] of html.matchAll(/<input\b[^>]*>/g)) {
    const attribute = (name) => new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
    const value = typed[attribute("type")] ?? unescaped(attribute("value") ?? "");
    if (attribute("name")) form.append(attribute("name"), value);
  }
  return form;
}

/** Text as it was before it was put into HTML. */
export function unescaped(text) {
  const characters = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#x27": "'" };
  return text.replace(/&(amp|lt|gt|quot|#39|#x27);/g, (_, name) => characters[name]);
}

/** A self-signed certificate and its key, both PEM; Node reads certificates and makes none. */
export function makeCertificate() {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const field = (tag, ...parts) => {
    const content = Buffer.concat(parts);
    const { length } = content;
    const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
    return Buffer.concat([Buffer.from([tag, ...size]), content]);
  };
  const hex = (text) => Buffer.from(text, "hex");
  const time = (hours) => {
    const moment = new Date(Date.now() + hours * 3_600_000).toISOString();
    return field(0x17, Buffer.from(`${moment.slice(2, 19).replace(/[-:T]/g, "")}Z`));
  };
  // sha256WithRSAEncryption (1.2.840.113549.1.1.11) with NULL; commonName (2.5.4.3) with UTF8String.
  const algorithm = field(0x30, hex("06092a864886f70d01010b0500"));
  const name = field(0x30, field(0x31, field(0x30, hex("0603550403"), field(0x0c, Buffer.from("witness")))));
  const serial = Buffer.concat([hex("01"), Buffer.from(randomUUID().replaceAll("-", ""), "hex")]);
  const content = field(
    0x30, hex("a003020102"), field(0x02, serial), algorithm, name, field(0x30, time(-24), time(24)), name,
    publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = createSign("sha256").update(content).sign(privateKey);
  const der = field(0x30, content, algorithm, field(0x03, hex("00"), signature));
  const lines = der.toString("base64").match(/.{1,64}/g).join("\n");
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}
