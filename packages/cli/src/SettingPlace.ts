/** The places a setting may be given in, and what it is called there. */
import * as Argv from "./Argv.ts"
import type { ConfigFile } from "./ConfigFile.ts"

/** Texts as somebody wrote them, and where. */
export interface Found {
  readonly texts: ReadonlyArray<string>
  readonly origin: string
}

/** `RDL_` and the flag's name, where the setting has no other one in the environment. */
export const envName = (name: string, own?: string): string => own ?? `RDL_${name.toUpperCase().replaceAll("-", "_")}`

export const fromFlag = (name: string, texts: ReadonlyArray<string>): Found | undefined =>
  texts.length === 0 ? undefined : { texts: texts.map(Argv.asWritten), origin: `--${name}` }

/** An empty variable is one that is not set: compose files and unit files cannot unset one. */
export const fromEnv = (env: string): Found | undefined => {
  const written = process.env[env]
  return written === undefined || written === "" ? undefined : { texts: [written], origin: env }
}

/** What is no text is a problem of the file as a whole, and told as such. */
export const fromConfig = (name: string, config: ConfigFile | undefined): Found | undefined => {
  const entry = config?.entries.get(name)
  return entry?.text === undefined ? undefined : { texts: [entry.text], origin: entry.origin }
}
