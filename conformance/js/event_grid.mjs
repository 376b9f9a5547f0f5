// The Event Grid management client, and what its tests share: subscriptions and events of one resource.

import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";

import { EventGridManagementClient } from "@azure/arm-eventgrid";
import { ClientSecretCredential } from "@azure/identity";

import { Directory } from "./directory.mjs";
import { trusting } from "./harness.mjs";

export const TOPIC_TYPE = "Microsoft.Communication.CommunicationServices";
export const SMS = "Microsoft.Communication.SMSReceived";
export const CALL = "Microsoft.Communication.CallStarted";
export const CLOUD_EVENTS = "CloudEventSchemaV1_0";
export const POLLING = { updateIntervalInMs: 20 };
const GROUP = "default";
// What a test moves the clock by, and how often, while it waits for something that is due later.
const CLOCK_STEP_SECONDS = 2;
const CLOCK_PAUSE_MS = 20;

/** A name for a resource or a topic that no other test has. */
export const newName = (prefix = "witness") => `${prefix}-${randomUUID().slice(0, 13)}`;

/** Data of an SMS, with further fields for filters to look at. */
export function sms(fields = {}) {
  return { messageId: "m", from: "+4930123", to: "+4930999", message: "Hello", segmentCount: 1, ...fields };
}

/** A destination: a running hook, or the address of one. */
export function webHook(hook, { query = "", ...fields } = {}) {
  return { endpointType: "WebHook", endpointUrl: `${hook.url ?? hook}${query}`, ...fields };
}

/** All items of a paged answer. */
export async function collected(pages) {
  const items = [];
  for await (const item of pages) items.push(item);
  return items;
}

/** Client options under which a long-running operation is asked for at once, not after the server's whole second. */
function impatient(someServer) {
  const policy = {
    name: "conformanceImpatient",
    sendRequest: async (request, next) => {
      const response = await next(request);
      if (response.headers.has("retry-after")) response.headers.set("retry-after-ms", "20");
      response.headers.delete("retry-after");
      return response;
    },
  };
  const { endpoint } = someServer;
  return { endpoint, ...trusting(someServer), additionalPolicies: [{ policy, position: "perRetry" }] };
}

/** The events of one resource of a server, as an owner of everything on a new resource unless told otherwise. */
export async function eventGrid(someServer, { application, resource } = {}) {
  const directory = new Directory(someServer);
  const { clientId } = application ?? (await directory.application("owner"));
  const options = { ...directory.options, ...trusting(someServer) };
  const credential = new ClientSecretCredential(
    directory.tenantId, clientId, await directory.secret(clientId), options,
  );
  const name = resource ?? newName();
  if (!resource) await someServer.operate("PUT", `/trunkline/resources/${name}`);
  return new EventGrid(someServer, credential, name);
}

/** The calls that many tests make; everything else is called on `client`. */
class EventGrid {
  constructor(someServer, credential, resource) {
    this.server = someServer;
    this.resource = resource;
    this.group = GROUP;
    this.client = new EventGridManagementClient(credential, someServer.subscriptionId, impatient(someServer));
    this.subscriptions = this.client.eventSubscriptions;
    this.topics = this.client.systemTopics;
    this.topicSubscriptions = this.client.systemTopicEventSubscriptions;
  }

  /** The resource as subscriptions name it. */
  get scope() {
    const group = `/subscriptions/${this.server.subscriptionId}/resourceGroups/${this.group}`;
    return `${group}/providers/Microsoft.Communication/communicationServices/${this.resource}`;
  }

  /** A subscription of the resource, once its handshake has ended. */
  subscribe(name, hook, fields = {}) {
    const info = { destination: webHook(hook), ...fields };
    return this.subscriptions.beginCreateOrUpdateAndWait(this.scope, name, info, POLLING);
  }

  /** A subscription after a change of some fields. */
  update(name, fields) {
    return this.subscriptions.beginUpdateAndWait(this.scope, name, fields, POLLING);
  }

  get(name) {
    return this.subscriptions.get(this.scope, name);
  }

  delete(name) {
    return this.subscriptions.beginDeleteAndWait(this.scope, name, POLLING);
  }

  /** The subscriptions of the resource. */
  list(options) {
    const kind = ["Microsoft.Communication", "communicationServices"];
    return collected(this.subscriptions.listByResource(this.group, ...kind, this.resource, options));
  }

  /** A system topic of the resource. */
  makeTopic(name, fields = {}) {
    const topic = { location: "global", source: this.scope, topicType: TOPIC_TYPE, ...fields };
    return this.topics.beginCreateOrUpdateAndWait(this.group, name, topic, POLLING);
  }

  /** Asks the operator API below the resource. */
  operate(method, path, body) {
    return this.server.operate(method, `/trunkline/resources/${this.resource}${path}`, body);
  }

  /** Publishes sample events of a type; returns their ids. */
  async sendTest(type, fields = {}) {
    return (await this.operate("POST", "/events/:sendTest", { type, ...fields })).ids;
  }
}

/** Lets a server's test clock run much faster than time until `promise` has settled. */
export async function hurrying(someServer, promise) {
  let isSettled = false;
  const settle = () => (isSettled = true);
  promise.then(settle, settle);
  while (!isSettled) {
    await someServer.advanceClock(CLOCK_STEP_SECONDS);
    await wait(CLOCK_PAUSE_MS);
  }
  return promise;
}
