// A small OpenID Connect issuer, such as a Kubernetes cluster has: discovery, a key set, signed tokens.

import { createServer } from "node:http";
import { randomUUID } from "node:crypto";

import { exportJWK, generateKeyPair, SignJWT } from "jose";

/** Starts one on a loopback port; it ends with the test whose `context` this is. */
export async function startIssuer(context) {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "cluster-1", use: "sig", alg: "RS256" };
  const documents = {};
  const listener = createServer((request, response) => {
    const document = documents[request.url];
    response.writeHead(document ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(document ?? {}));
  });
  await new Promise((settle) => listener.listen(0, "127.0.0.1", settle));
  context.after(() => listener.closeAllConnections() ?? listener.close());
  const url = `http://127.0.0.1:${listener.address().port}`;
  documents["/.well-known/openid-configuration"] = { issuer: url, jwks_uri: `${url}/keys` };
  documents["/keys"] = { keys: [jwk] };

  /** What a cluster puts into a workload's token file; `changes` replace claims. */
  const workloadToken = (subject, changes = {}) => {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: url, aud: "api://AzureADTokenExchange", sub: subject, jti: randomUUID(), iat: now, nbf: now,
      exp: now + 3600, ...changes,
    };
    return new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: jwk.kid }).sign(privateKey);
  };
  return { url, workloadToken };
}
