/** Calls that come in, as the library's own notifications. */

import { IncomingCallStack, usePropsFor } from "@azure/communication-react";

/** `onTaken`: a call was accepted; its id is that of the call in `agent.calls` now. */
export function Incoming({ onTaken }: { onTaken: (id: string) => void }) {
  const { onAcceptCall, ...rest } = usePropsFor(IncomingCallStack);
  const take = async (id: string, isWithVideo?: boolean) => {
    await onAcceptCall(id, isWithVideo);
    onTaken(id);
  };
  return (
    <div className="incoming" data-incoming>
      <IncomingCallStack {...rest} onAcceptCall={take} />
    </div>
  );
}
