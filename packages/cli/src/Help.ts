/** The pages of `--help`: what a command does, its flags, and examples to paste. */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import { stripVTControlCharacters } from "node:util"

/** What a page says beyond the flags, which are read off the command itself. */
export interface Page {
  /** How it is called, such as `rdl token issue [flags]`. */
  readonly usage: string
  /** One sentence for the list of commands. */
  readonly summary: string
  /** More sentences. */
  readonly text?: string
  /** What it does, and the words to type. */
  readonly examples?: ReadonlyArray<readonly [does: string, command: string]>
}

/** A command with its page, under the words it is called by. */
export interface Entry {
  readonly words: string
  readonly page: Page
  /** Absent for a group, whose commands are entries of their own. */
  readonly flags?: HelpDoc.HelpDoc
}

/** The page of an entry; `all` says which commands stand under it. Lines are at most 100 columns wide. */
export const render = (entry: Entry, all: ReadonlyArray<Entry>): string => {
  const { examples = [], summary, text, usage } = entry.page
  const flags = entry.flags === undefined ? [] : rowsOf(entry.flags)
  return [
    wrap([summary, text].filter((part) => part !== undefined).join(" "), ""),
    `Usage: ${usage}`,
    section(
      "Commands",
      below(entry, all).map(({ page, words }) => [words, page.summary] as const),
    ),
    section("Flags", entry.flags === undefined ? [] : [...flags, ["-h, --help", "This page"]]),
    examples.length === 0
      ? ""
      : `Examples:\n${examples.map(([does, command]) => `  # ${does}\n  ${command}`).join("\n\n")}`,
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .concat("\n")
}

/** The commands of a group. */
export const below = (group: Entry, all: ReadonlyArray<Entry>): ReadonlyArray<Entry> =>
  all.filter(({ words }) => parentOf(words) === group.words)

/** The entry of a command that does something. */
export const leaf = <Name extends string, R, E, A>(
  words: string,
  page: Page,
  command: Command.Command<Name, R, E, A>,
): Entry => ({ words, page, flags: Command.getHelp(command, CliConfig.make({ showBuiltIns: false })) })

const WIDTH = 100

const parentOf = (words: string): string | undefined =>
  words === "" ? undefined : words.split(" ").slice(0, -1).join(" ")

const section = (title: string, rows: ReadonlyArray<readonly [string, string]>): string => {
  if (rows.length === 0) return ""
  const column = Math.min(30, Math.max(...rows.map(([name]) => name.length)) + 4)
  const lines = rows.map(([name, does]) => {
    const body = wrap(does, " ".repeat(column))
    return name.length + 4 > column ? `  ${name}\n${body}` : `  ${name}`.padEnd(column) + body.trimStart()
  })
  return `${title}:\n${lines.join("\n")}`
}

const wrap = (text: string, indent: string): string => {
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length >= WIDTH) lines.push(indent + word)
    else lines[lines.length - 1] = last.trim() === "" ? last + word : `${last} ${word}`
  }
  return lines.join("\n")
}

/** What the parser says of every flag of its kind, and teaches nothing. */
const NOISE =
  /^(A user-defined piece of text|A true or false value|An integer|This (setting|option) (is|may)|One of the following)/

/** The flags of a command and what is said of each. */
export const rowsOf = (doc: HelpDoc.HelpDoc): ReadonlyArray<readonly [string, string]> => {
  switch (doc._tag) {
    case "Sequence":
      return [...rowsOf(doc.left), ...rowsOf(doc.right)]
    case "DescriptionList":
      // What stands for an argument is explained by the usage.
      return doc.definitions
        .filter(([name]) => !plain(HelpDoc.p(name)).startsWith("<"))
        .map(([name, about]) => [
          plain(HelpDoc.p(name))
            .replace(/\.\.\.$/, "")
            .replace(/^\((.*)\)$/, "$1"),
          paragraphs(about)
            .map(plain)
            .filter((paragraph) => !NOISE.test(paragraph))
            .join(" "),
        ])
    default:
      return []
  }
}

const paragraphs = (doc: HelpDoc.HelpDoc): ReadonlyArray<HelpDoc.HelpDoc> =>
  doc._tag === "Sequence" ? [...paragraphs(doc.left), ...paragraphs(doc.right)] : [doc]

/** A document as one plain line. */
export const plain = (doc: HelpDoc.HelpDoc): string =>
  stripVTControlCharacters(HelpDoc.toAnsiText(doc)).trim().replace(/\s+/g, " ")
