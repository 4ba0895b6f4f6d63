/** Whether a command writes for people or for programs. */
import * as Setting from "./Setting.ts"

/** `--output text|json`, text by default. */
export const setting = Setting.withDefault(
  "output",
  {
    value: "text|json",
    description: "For people, or for programs",
    parse: Setting.oneOf("text", "json"),
  },
  () => "text" as const,
)
