/** Icons that the composites name without bringing them. */

import { DEFAULT_COMPONENT_ICONS } from "@azure/communication-react";
import { registerIcons, setIconOptions } from "@fluentui/react";
import {
  CheckmarkRegular,
  ChevronDownRegular,
  ChevronLeftRegular,
  ChevronRightRegular,
  DismissRegular,
  EditRegular,
  ErrorCircleRegular,
  InfoRegular,
  PersonAddRegular,
  PersonDeleteRegular,
} from "@fluentui/react-icons";

// The composites register their own icons each time they are drawn, and Fluent UI complains each time.
setIconOptions({ disableWarnings: true });

registerIcons({
  icons: {
    // Notifications of calls stand outside the composites, which bring these.
    ...DEFAULT_COMPONENT_ICONS,
    cancel: <DismissRegular />,
    checkmark: <CheckmarkRegular />,
    chevrondown: <ChevronDownRegular />,
    chevronleft: <ChevronLeftRegular />,
    chevronright: <ChevronRightRegular />,
    clear: <DismissRegular />,
    errorbadge: <ErrorCircleRegular />,
    info: <InfoRegular />,
    // Of the chat beside a call.
    PeopleAdd: <PersonAddRegular />,
    PeopleBlock: <PersonDeleteRegular />,
    Edit: <EditRegular />,
  },
});
