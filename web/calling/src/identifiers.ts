/** Raw ids and the identifiers of `@azure/communication-common` (rule 13). Ours: nothing is needed at run time. */

import type { CommunicationIdentifier, CommunicationIdentifierKind } from "@azure/communication-common";

type Cloud = "public" | "dod" | "gcch";
type Fields = Record<string, unknown>;

const cloudOf = (kind: string): Cloud => (kind.startsWith("dod") ? "dod" : kind.startsWith("gcch") ? "gcch" : "public");

/** A fresh object for every caller. */
export function identifierOf(rawId: string): CommunicationIdentifierKind {
  return fieldsOf(rawId) as unknown as CommunicationIdentifierKind;
}

function fieldsOf(rawId: string): Fields {
  if (rawId.startsWith("4:")) return { kind: "phoneNumber", phoneNumber: rawId.slice(2), rawId };
  const [scheme, kind = "", ...rest] = rawId.split(":");
  const suffix = rest.join(":");
  if (scheme === "8" && suffix) return userOf(kind, suffix, rawId) ?? { kind: "unknown", id: rawId };
  if (scheme === "28" && suffix && ["orgid", "dod", "gcch"].includes(kind)) {
    return { kind: "microsoftTeamsApp", teamsAppId: suffix, cloud: cloudOf(kind), rawId };
  }
  return { kind: "unknown", id: rawId };
}

function userOf(kind: string, suffix: string, rawId: string): Fields | undefined {
  switch (kind) {
    case "teamsvisitor":
      return { kind: "microsoftTeamsUser", microsoftTeamsUserId: suffix, isAnonymous: true, rawId };
    case "orgid":
    case "dod":
    case "gcch":
      return {
        kind: "microsoftTeamsUser",
        microsoftTeamsUserId: suffix,
        isAnonymous: false,
        cloud: cloudOf(kind),
        rawId,
      };
    case "spool":
      return { kind: "communicationUser", communicationUserId: rawId };
    case "acs":
    case "dod-acs":
    case "gcch-acs": {
      const [resourceId, tenantId, userId, ...more] = suffix.split("_");
      if (userId === undefined || more.length > 0) return { kind: "communicationUser", communicationUserId: rawId };
      return { kind: "teamsExtensionUser", userId, tenantId, resourceId, cloud: cloudOf(kind), rawId };
    }
  }
  return undefined;
}

export function rawIdOf(identifier: CommunicationIdentifier): string {
  const it = identifier as unknown as Record<string, string | boolean | undefined>;
  const cloud = (it["cloud"] as Cloud | undefined) ?? "public";
  const [teams, prefix] = cloud === "public" ? ["orgid", ""] : [cloud, `${cloud}-`];
  if (it["communicationUserId"]) return String(it["communicationUserId"]);
  if (it["rawId"]) return String(it["rawId"]);
  if (it["phoneNumber"]) return `4:${it["phoneNumber"]}`;
  if (it["microsoftTeamsUserId"]) return `8:${it["isAnonymous"] ? "teamsvisitor" : teams}:${it["microsoftTeamsUserId"]}`;
  if (it["teamsAppId"]) return `28:${teams}:${it["teamsAppId"]}`;
  if (it["userId"]) return `8:${prefix}acs:${it["resourceId"]}_${it["tenantId"]}_${it["userId"]}`;
  return String(it["id"] ?? "");
}
