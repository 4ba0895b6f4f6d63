/** A program made of commands: reads what it was called with, and runs it or shows its help. */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import { Effect, Layer } from "effect"
import { stripVTControlCharacters } from "node:util"
import * as Argv from "./Argv.ts"
import * as Calling from "./Calling.ts"
import * as Help from "./Help.ts"
import * as Output from "./Output.ts"
import type { StopSignal } from "./Process.ts"
import { version } from "./Version.ts"

export interface Program<Name extends string, E, A> {
  /** What is typed to call it. */
  readonly name: string
  /** Its pages; the first is its own. Made when they are needed. */
  readonly entries: () => ReadonlyArray<Help.Entry>
  readonly command: Command.Command<Name, StopSignal, E, A>
  /** The command that runs where none is named. */
  readonly otherwise?: string
}

/** Runs the words after the program's name. */
export const main = <Name extends string, E, A>(
  { command, entries, name, otherwise }: Program<Name, E, A>,
  words: ReadonlyArray<string>,
): Effect.Effect<void, unknown, StopSignal> => {
  const all = entries()
  const entry = Calling.find(all, words)
  if (words[0] === "--version") return Output.line(version)
  if (Calling.asksForHelp(entry, words)) return Output.out(Help.render(entry, all))
  const named = otherwise === undefined || entry !== all[0] ? words : [otherwise, ...words]
  const spoken = Argv.flagsFirst(named, entry.words.split(" ").length)
  return Calling.check(name, entry, all, words).pipe(
    Effect.zipRight(Command.run(command, { name, version, executable: name })(["node", name, ...spoken])),
    Effect.mapError((error) =>
      ValidationError.isValidationError(error) ? Calling.explain(name, entry, Help.plain(error.error)) : error,
    ),
    withPlainConsole,
    Effect.provide(
      Layer.mergeAll(
        NodeFileSystem.layer,
        NodePath.layer,
        NodeTerminal.layer,
        CliConfig.layer({ showBuiltIns: false, isCaseSensitive: true }),
      ),
    ),
  )
}

/** Colours only where a terminal is; errors are told once, by the process, and in one sentence. */
const withPlainConsole = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.consoleWith((console) =>
    Effect.withConsole(program, {
      ...console,
      log: (...texts: ReadonlyArray<unknown>) => {
        const text = texts.join(" ")
        return Effect.ignore(Output.line(process.stdout.isTTY ? text : stripVTControlCharacters(text)))
      },
      error: () => Effect.void,
    }),
  )
