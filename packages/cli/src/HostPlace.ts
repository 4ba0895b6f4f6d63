/** Where the source's name stands on each line of a log. */
import * as Setting from "./Setting.ts"

/** `--host`. */
export const setting = Setting.withDefault(
  "host",
  {
    value: "prefix|suffix|none",
    description: "Where the source's name stands on each line; default prefix",
    parse: Setting.oneOf("prefix", "suffix", "none"),
  },
  () => "prefix" as const,
)
