/** Icons that the composite names without bringing them: the signs of its system messages. */

import { registerIcons, setIconOptions } from "@fluentui/react";
import { EditRegular, PersonAddRegular, PersonDeleteRegular } from "@fluentui/react-icons";

// The composite registers its own icons each time it is drawn, and Fluent UI complains each time.
setIconOptions({ disableWarnings: true });

registerIcons({
  icons: { PeopleAdd: <PersonAddRegular />, PeopleBlock: <PersonDeleteRegular />, Edit: <EditRegular /> },
});
