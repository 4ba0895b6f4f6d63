/** A value a command needs: from its flag, else the environment, else the config file, else the default. */
import * as Options from "@effect/cli/Options"
import { Effect, Either, Option, Redacted } from "effect"
import { asWritten, type Switch } from "./Argv.ts"
import * as ConfigFile from "./ConfigFile.ts"
import { UsageError, UsageErrors } from "./Failure.ts"
import { readInputUpTo, readUpTo } from "./ReadUpTo.ts"
import { faulty, keysOf, problemsOf, type SettingKey } from "./SettingKey.ts"
import { envName, type Found, fromConfig, fromEnv, fromFlag } from "./SettingPlace.ts"

/** How one setting is offered on the command line, and how its value is found. */
export interface Setting<A> {
  readonly option: Options.Options<unknown>
  readonly resolve: (flag: unknown, config: ConfigFile.ConfigFile | undefined) => Effect.Effect<A, UsageError>
  /** The names that it has in the environment and in the config file; none where only its flag gives it. */
  readonly keys: ReadonlyArray<SettingKey>
}

export interface Spec<A> {
  readonly description: string
  /** What stands for the value in the help, such as `HOST:PORT`. */
  readonly value: string
  /** Where the environment's name is not `RDL_` and the flag's. */
  readonly env?: string
  /** Its single letter, if any. */
  readonly alias?: string
  /** The value, or what is wrong with the text, put after it: `is not a port`. */
  readonly parse: (text: string) => Either.Either<A, string>
}

/** A setting that must be given. */
export const required = <A>(name: ConfigFile.SettingName, spec: Spec<A>): Setting<A> =>
  single(name, spec, envName(name, spec.env), () =>
    Effect.fail(new UsageError({ detail: `${name} is missing: give --${name} or set ${envName(name, spec.env)}` })),
  )

/** A setting with a default. */
export const withDefault = <A, B>(name: ConfigFile.SettingName, spec: Spec<A>, otherwise: () => B): Setting<A | B> =>
  single<A | B>(name, spec, envName(name, spec.env), () => Effect.sync(otherwise))

/** A value that only its flag gives: what is asked for this time, and not how things are set up. */
export const flag = <A, B>(name: string, spec: Spec<A>, otherwise: () => B): Setting<A | B> =>
  single<A | B>(name, spec, undefined, () => Effect.sync(otherwise))

/** Any text but an empty one. */
export const text = (written: string): Either.Either<string, string> =>
  written === "" ? Either.left("is empty") : Either.right(written)

/** One of a few words. */
export const oneOf =
  <const A extends string>(...words: ReadonlyArray<A>) =>
  (written: string): Either.Either<A, string> =>
    Either.fromNullable(
      words.find((word) => word === written),
      () => `is none of ${words.join(", ")}`,
    )

const single = <A>(
  name: string,
  spec: Spec<A>,
  env: string | undefined,
  missing: () => Effect.Effect<A, UsageError>,
): Setting<A> => ({
  keys: env === undefined ? [] : [keyOf(name as ConfigFile.SettingName, env, spec)],
  option: Options.text(name).pipe(
    (option) => (spec.alias === undefined ? option : Options.withAlias(option, spec.alias)),
    Options.withPseudoName(spec.value),
    Options.withDescription(env === undefined ? spec.description : `${spec.description} (env ${env})`),
    Options.repeated,
  ),
  resolve: Effect.fnUntraced(function* (flags, config) {
    const found =
      fromFlag(name, flags as ReadonlyArray<string>) ??
      (env === undefined ? undefined : (fromEnv(env) ?? fromConfig(name, config)))
    if (found === undefined) return yield* missing()
    const [written, more] = found.texts
    if (written === undefined || more !== undefined)
      return yield* new UsageError({ detail: `${found.origin} takes one value, not ${found.texts.length}` })
    return yield* Effect.mapError(
      spec.parse(written),
      (wrong) => new UsageError({ detail: faulty(found.origin, written, wrong) }),
    )
  }),
})

const keyOf = <A>(name: ConfigFile.SettingName, env: string, { description, parse, value }: Spec<A>): SettingKey => ({
  name,
  env,
  value,
  description,
  fault: (written) => Either.match(parse(written), { onLeft: (wrong) => wrong, onRight: () => undefined }),
  secret: false,
})

/** A flag that may be given several times: all its values, in order. An empty one is refused: it would mean all or nothing. */
export const repeated = (name: string, value: string, description: string): Setting<ReadonlyArray<string>> => ({
  keys: [],
  option: Options.text(name).pipe(
    Options.withPseudoName(value),
    Options.withDescription(`${description}; repeatable`),
    Options.repeated,
  ),
  resolve: (flags) =>
    Effect.forEach(fromFlag(name, flags as ReadonlyArray<string>)?.texts ?? [], (written) =>
      Effect.mapError(text(written.trim()), (wrong) => new UsageError({ detail: faulty(`--${name}`, written, wrong) })),
    ),
})

/** A flag that takes no value: true where it is given. */
export const toggle = (name: Switch, description: string, alias?: string): Setting<boolean> => ({
  keys: [],
  option: Options.boolean(name).pipe(
    (option) => (alias === undefined ? option : Options.withAlias(option, alias)),
    Options.withDescription(description),
  ),
  resolve: (given) => Effect.succeed(given === true),
})

/** A secret, and the path of the file that it was read from, where there is one that may be read again. */
export interface Kept {
  readonly value: Redacted.Redacted
  readonly file: string | undefined
}

/** A secret: as a value, or in a file of at most 64 KiB (`-` is standard input); `undefined` where there is none. */
export const secret = (name: "key" | "token", description: string): Setting<Redacted.Redacted | undefined> => {
  const setting = kept(name, description)
  return { ...setting, resolve: (flags, config) => Effect.map(setting.resolve(flags, config), (one) => one?.value) }
}

/** The same, for those who follow the file. */
export const kept = (name: "key" | "token", description: string): Setting<Kept | undefined> => ({
  keys: [
    secretKey(name, name.toUpperCase(), `${description}; seen by whoever reads this, so better by file`, true),
    secretKey(`${name}-file`, "FILE", `${description}, in a file of its own; - is standard input`, false),
  ],
  option: Options.all({
    direct: Options.text(name).pipe(
      Options.withPseudoName(name.toUpperCase()),
      Options.withDescription(
        `${description} (env RDL_${name.toUpperCase()}); seen by others in the list of processes, so better by file`,
      ),
      Options.repeated,
    ),
    file: Options.text(`${name}-file`).pipe(
      Options.withPseudoName("FILE"),
      Options.withDescription(`The file that holds it (env RDL_${name.toUpperCase()}_FILE); - is standard input`),
      Options.repeated,
    ),
  }),
  resolve: Effect.fnUntraced(function* (flags, config) {
    const { direct, file } = flags as { direct: ReadonlyArray<string>; file: ReadonlyArray<string> }
    // Both places of one layer are looked at before the next layer is: a flag outdoes every variable.
    for (const [value, path] of [
      [fromFlag(name, direct), fromFlag(`${name}-file`, file)],
      [fromEnv(envName(name)), fromEnv(envName(`${name}-file`))],
      [fromConfig(name, config), fromConfig(`${name}-file`, config)],
    ] as const) {
      const given = value ?? path
      if (given === undefined) continue
      if (value !== undefined && path !== undefined)
        return yield* new UsageError({ detail: `${value.origin} and ${path.origin} are both given; give one` })
      if (given.texts.length !== 1) return yield* new UsageError({ detail: `${given.origin} takes one value` })
      if (value !== undefined) return { value: Redacted.make(given.texts[0]!.trim()), file: undefined }
      const file = given.texts[0] === "-" ? undefined : given.texts[0]
      return { value: Redacted.make(yield* readSecret(given)), file }
    }
    return undefined
  }),
})

const secretKey = (
  name: "key" | "token" | "key-file" | "token-file",
  value: string,
  description: string,
  isSecret: boolean,
): SettingKey => ({
  name,
  env: envName(name),
  value,
  description,
  fault: (written) => (written.trim() === "" ? "is empty" : undefined),
  secret: isSecret,
})

/** Fails where a secret is missing, and says all the ways to give it. */
export const demand = <A>(name: "key" | "token", value: A | undefined, hint: string): Effect.Effect<A, UsageError> =>
  value === undefined
    ? new UsageError({
        detail: `there is no ${name}: give --${name}-file, or set ${envName(name)} or ${envName(`${name}-file`)}; ${hint}`,
      })
    : Effect.succeed(value)

const MAX_SECRET = 65_536

/** The text of the first file; `-` is standard input. */
export const readSecret = ({ origin, texts }: Found): Effect.Effect<string, UsageError> =>
  Effect.tryPromise({
    try: async () => {
      const limit = MAX_SECRET + 1
      const bytes = texts[0] === "-" ? await readInputUpTo(limit) : readUpTo(texts[0]!, limit)
      return bytes.toString()
    },
    catch: (cause) =>
      new UsageError({ detail: `${origin}: cannot read ${JSON.stringify(texts[0])}: ${ConfigFile.reasonOf(cause)}` }),
  }).pipe(
    Effect.map((content) => content.trim()),
    Effect.filterOrFail(
      (content) => content !== "",
      () => new UsageError({ detail: `${origin}: ${JSON.stringify(texts[0])} is empty` }),
    ),
    Effect.filterOrFail(
      (content) => Buffer.byteLength(content) <= MAX_SECRET,
      () => new UsageError({ detail: `${origin}: ${JSON.stringify(texts[0])} is too large to be a secret` }),
    ),
  )

type Values<S extends Record<string, Setting<unknown>>> = {
  readonly [K in keyof S]: S[K] extends Setting<infer A> ? A : never
}

const configOption = Options.text("config").pipe(
  Options.withPseudoName("FILE"),
  Options.withDescription("A YAML file of settings, by the names of these flags (env RDL_CONFIG)"),
  Options.optional,
)

/** The flags of several settings and of `--config`, parsed into the effect that finds all values, or tells all that is wrong with them. */
export const all = <S extends Record<string, Setting<unknown>>>(
  settings: S,
): Options.Options<Effect.Effect<Values<S>, UsageError | UsageErrors>> =>
  Options.all({
    flags: Options.all(Object.fromEntries(Object.entries(settings).map(([name, { option }]) => [name, option]))),
    config: configOption,
  }).pipe(
    Options.map(({ config, flags }) =>
      Effect.gen(function* () {
        const path = Option.getOrUndefined(Option.map(config, asWritten)) ?? fromEnv("RDL_CONFIG")?.texts[0]
        const file = path === undefined ? undefined : yield* ConfigFile.load(path)
        // A set, since a value of the file is looked at twice: also where something else outdoes it.
        const problems = new Set<string>(file === undefined ? [] : problemsOf(file, keysOf(settings)))
        const values: Record<string, unknown> = {}
        for (const [name, setting] of Object.entries(settings)) {
          const found = yield* Effect.either(setting.resolve((flags as Record<string, unknown>)[name], file))
          if (Either.isRight(found)) values[name] = found.right
          else problems.add(found.left.detail)
        }
        yield* refuse([...problems])
        return values as Values<S>
      }),
    ),
  )

/** Fails where there are any. */
export const refuse = (problems: ReadonlyArray<string>): Effect.Effect<void, UsageError | UsageErrors> => {
  const [first, second] = problems
  if (first === undefined) return Effect.void
  return second === undefined ? new UsageError({ detail: first }) : new UsageErrors({ details: problems })
}
