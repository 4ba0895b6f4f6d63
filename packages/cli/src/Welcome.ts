/** What `rdl up` says once it runs: where it is, who may ask, and what to paste. */
import type { Container } from "@rdl/core/model/Container"
import type { EngineUnavailable } from "@rdl/source/engine/EngineAddress"
import { join } from "node:path"
import { USER_TOKEN_FILE } from "./OwnTokens.ts"

export interface Facts {
  readonly url: string
  /** Where programs of this machine reach it. */
  readonly local: string
  readonly name: string
  readonly token: string
  readonly stateDir: string
  /** Whether the containers are samples. */
  readonly samples: boolean
  /** Why there is no engine; undefined where there is one. */
  readonly missing: EngineUnavailable | undefined
  /** Whether the source has listed its containers. */
  readonly ready: boolean
  readonly containers: ReadonlyArray<Container>
  /** `rdl login` was used, so that `rdl ps` asks another proxy. */
  readonly elsewhere: boolean
  /** What is typed to call this program. */
  readonly program: string
}

/** Who ran `npm start` in a clone has no `rdl` to type, but npm runs any command there. */
export const programOf = (env: Readonly<Record<string, string | undefined>>): string =>
  env["npm_package_name"] === "rdl-workspace" ? "npm run -s rdl --" : "rdl"

/** The welcome. The lines to paste name the token's file, so that no shell remembers the token. */
export const announce = (facts: Facts): string => {
  const running = facts.containers.filter(({ state }) => state === "running")
  const ref = `${facts.name}/${(running[0] ?? facts.containers[0])?.name ?? "NAME"}`
  const file = shellWord(join(facts.stateDir, USER_TOKEN_FILE))
  const curl = `curl -H "Authorization: Bearer $(cat ${file})"`
  const flags = facts.elsewhere ? ` --proxy ${facts.local} --token-file ${file}` : ""
  return [
    `rdl is up at ${facts.url}`,
    "",
    ...sourceLines(facts, running.length),
    `  token   ${facts.token}`,
    `          also in ${file}, for you alone`,
    "",
    facts.program === "rdl" ? "Try in another terminal:" : "Try in another terminal, in this directory:",
    "",
    `  ${facts.program} ps${flags}`,
    `  ${facts.program} logs ${ref} -f --tail 20${flags}`,
    "",
    `  ${curl} ${facts.local}/containers`,
    `  ${curl} -N '${facts.local}/containers/${ref}/logs?follow=1&tail=20'`,
    "",
    "Ctrl-C stops it.",
    "",
    "",
  ].join("\n")
}

const sourceLines = (facts: Facts, running: number): ReadonlyArray<string> => {
  const why = facts.missing === undefined ? "" : `: there is ${facts.missing.message}`
  if (facts.samples) return [`  source  ${facts.name}: sample containers, none of yours${why}`]
  const count = `${running} running container${running === 1 ? "" : "s"}, ${facts.containers.length} in all`
  return [
    `  source  ${facts.name}: ${facts.ready ? count : "still waiting for the container engine; the reasons are logged"}`,
  ]
}

const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
