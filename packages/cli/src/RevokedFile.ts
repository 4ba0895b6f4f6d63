/** Where the revoked tokens are listed. */
import * as Setting from "./Setting.ts"

/** `--revoked-file`; undefined = none is revoked. */
export const setting = Setting.withDefault(
  "revoked-file",
  {
    value: "FILE",
    description: "The file of revoked tokens, an id a line; it may change at any time",
    parse: Setting.text,
  },
  () => undefined,
)
