/** A setting of several values: its flag repeated, one text with dividers in the environment, either that or a list in the config file. */
import * as Options from "@effect/cli/Options"
import { Effect, Either } from "effect"
import type { ConfigFile, SettingName } from "./ConfigFile.ts"
import { UsageError } from "./Failure.ts"
import type { Setting, Spec } from "./Setting.ts"
import { faulty } from "./SettingKey.ts"
import { envName, type Found, fromConfig, fromEnv, fromFlag } from "./SettingPlace.ts"

export interface ListSpec<A> extends Omit<Spec<A>, "env" | "alias"> {
  /** What stands between two values where there is one text for all. */
  readonly divider: RegExp
  /** The same in words, such as `by commas`. */
  readonly divided: string
}

/** Names, patterns of names and networks have neither in them. */
export const BY_COMMAS = { divider: /[\s,]+/, divided: "by commas" } as const
/** For values that may hold anything else. */
export const BY_LINES = { divider: /\r?\n/, divided: "by lines" } as const

/** All values of a repeated flag, which nothing but the flag gives; none where it is not there. */
export const flags = <A>(name: string, spec: Omit<Spec<A>, "env" | "alias">): Setting<ReadonlyArray<A>> => ({
  keys: [],
  option: Options.text(name).pipe(
    Options.withPseudoName(spec.value),
    Options.withDescription(`${spec.description}; repeatable`),
    Options.repeated,
  ),
  resolve: (given) =>
    Effect.forEach(fromFlag(name, given as ReadonlyArray<string>)?.texts ?? [], (text) =>
      Effect.mapError(spec.parse(text), (wrong) => new UsageError({ detail: faulty(`--${name}`, text, wrong) })),
    ),
})

/** All values, in order; none where none is given. */
export const make = <A>(name: SettingName, spec: ListSpec<A>): Setting<ReadonlyArray<A>> => {
  const env = envName(name)
  const divide = (text: string) => text.split(spec.divider).filter((part) => part.trim() !== "")
  const firstFault = (texts: ReadonlyArray<string>) =>
    texts.map((text) => [text, spec.parse(text)] as const).find(([, parsed]) => Either.isLeft(parsed))
  return {
    keys: [
      {
        name,
        env,
        value: spec.value,
        description: `${spec.description}; several are divided ${spec.divided}`,
        fault: (text) => wrongWith(firstFault(divide(text))?.[1]),
        faultOfOne: (text) => wrongWith(spec.parse(text)),
        secret: false,
      },
    ],
    option: Options.text(name).pipe(
      Options.withPseudoName(spec.value),
      Options.withDescription(`${spec.description}; repeatable (env ${env}, divided ${spec.divided})`),
      Options.repeated,
    ),
    resolve: Effect.fnUntraced(function* (flags, config) {
      const flag = fromFlag(name, flags as ReadonlyArray<string>)
      const inEnv = fromEnv(env)
      const list = flag ?? (inEnv === undefined ? listOf(name, config) : undefined)
      const found = list ?? inEnv ?? fromConfig(name, config)
      const texts = list?.texts ?? divide(found?.texts[0] ?? "")
      return yield* Effect.forEach(texts, (text) =>
        Effect.mapError(
          spec.parse(text),
          (wrong) => new UsageError({ detail: faulty(found?.origin ?? name, text, wrong) }),
        ),
      )
    }),
  }
}

/** A list of the config file, whose values are not divided any further. */
const listOf = (name: string, config: ConfigFile | undefined): Found | undefined => {
  const entry = config?.entries.get(name)
  return entry?.texts === undefined ? undefined : { texts: entry.texts, origin: entry.origin }
}

const wrongWith = (parsed: Either.Either<unknown, string> | undefined): string | undefined =>
  parsed !== undefined && Either.isLeft(parsed) ? parsed.left : undefined
