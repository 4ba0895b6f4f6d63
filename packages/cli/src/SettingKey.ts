/** The names of a setting in the environment and the config file, and what is wrong with a file that has them. */
import type { ConfigFile, SettingName } from "./ConfigFile.ts"

/** One name of a setting. */
export interface SettingKey {
  /** In the config file, and as a flag behind `--`. */
  readonly name: SettingName
  readonly env: string
  /** What stands for the value in the help, such as `HOST:PORT`. */
  readonly value: string
  readonly description: string
  /** What is wrong with a text, to be put after it; undefined where it is good. */
  readonly fault: (text: string) => string | undefined
  /** The value is not to be repeated. */
  readonly secret: boolean
  /** What is wrong with one value of a list; absent where there is one value only. */
  readonly faultOfOne?: (text: string) => string | undefined
}

/** The names of several settings, in their order. */
export const keysOf = (
  settings: Readonly<Record<string, { readonly keys: ReadonlyArray<SettingKey> }>>,
): ReadonlyArray<SettingKey> => Object.values(settings).flatMap(({ keys }) => keys)

/** All that is wrong with a file for whoever knows these names: a sentence each, with its place. */
export const problemsOf = (file: ConfigFile, keys: ReadonlyArray<SettingKey>): ReadonlyArray<string> => [
  ...file.problems,
  ...keys.flatMap(({ fault, faultOfOne, name, secret, value }) => {
    const entry = file.entries.get(name)
    if (entry === undefined) return []
    if (entry.texts !== undefined && faultOfOne !== undefined)
      return entry.texts.flatMap((text) => {
        const wrong = faultOfOne(text)
        return wrong === undefined ? [] : [faulty(entry.origin, text, wrong)]
      })
    if (entry.text === undefined) return [`${entry.origin} takes ${value}, and this is ${entry.shape}`]
    const wrong = fault(entry.text)
    if (wrong === undefined) return []
    return [secret ? `${entry.origin} ${wrong}` : faulty(entry.origin, entry.text, wrong)]
  }),
]

/** The sentence on a value that cannot be used; what may be a password in a URL is left out of it. */
export const faulty = (origin: string, text: string, wrong: string): string =>
  `${origin}: ${JSON.stringify(withoutSecrets(text))} ${wrong}`

/** Who calls, and what is asked, in a text that is a URL or was to be one. */
const withoutSecrets = (text: string): string =>
  /^\w[\w+.-]*:\/?\//.test(text)
    ? text.replace(/^(\w[\w+.-]*:\/*).*@/s, "$1…@").replace(/[?#].*$/s, (rest) => `${rest[0]}…`)
    : text.replace(/^[^/\s]+:[^/\s]*@/, "…@")
