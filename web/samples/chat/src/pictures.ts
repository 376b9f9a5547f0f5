/**
 * Sends a picture. The chat SDK shows pictures and cannot send them, so these are the two requests of the REST API:
 * upload the file, then send a message that names it.
 */

import type { SignedIn } from "../../shared/trusted-service";

const VERSION = "api-version=2024-06-05-preview";

/** Uploads `file` and sends it to the thread as `me`. */
export async function sendPicture(me: SignedIn, threadId: string, file: File): Promise<void> {
  const thread = `${me.endpoint}/chat/threads/${encodeURIComponent(threadId)}`;
  const authorization = `Bearer ${me.token}`;
  // A header takes ASCII only.
  const name = file.name.replace(/[^\x20-\x7e]/g, "_");
  const uploaded = await must(
    fetch(`${thread}/images?${VERSION}`, {
      method: "POST",
      headers: { authorization, "content-type": "application/octet-stream", "image-filename": name },
      body: file,
    }),
  );
  const { id } = (await uploaded.json()) as { id: string };
  const image = document.createElement("img");
  image.id = id;
  image.alt = file.name;
  image.setAttribute("itemscope", file.type.replace("image/", ""));
  const message = {
    type: "html",
    content: `<p>${image.outerHTML}</p>`,
    senderDisplayName: me.displayName,
    attachments: [{ id, attachmentType: "image" }],
  };
  await must(
    fetch(`${thread}/messages?${VERSION}`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify(message),
    }),
  );
}

async function must(request: Promise<Response>): Promise<Response> {
  const response = await request;
  if (response.ok) return response;
  const reply = await response.json().catch(() => ({}));
  throw new Error(reply.error?.message ?? `The picture cannot be sent (${response.status}).`);
}
