/** A fleet of one: a sample engine in the test's own process, a proxy and a source as processes beside it. */
import type { TokenClaims } from "@rdl/core/token/TokenClaims"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import type { Container, ContainerSpec } from "@rdl/sample-engine/Container"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import { ownAddress } from "@rdl/test-kit/OwnAddress"
import { Context, Effect, Layer, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Ended, type RdlProcess, type Serving, serving } from "./RdlProcess.ts"

export class Fleet extends Context.Tag("@rdl/cli/test/Fleet")<
  Fleet,
  {
    readonly engine: SampleEngine.SampleEngine
    readonly proxy: Serving
    /** Its name is `edge-1`. */
    readonly source: Serving
    readonly sourceToken: string
    /** The file of revoked tokens; empty. */
    readonly revoked: string
    readonly url: string
    /** Creates it and waits until the proxy knows it. */
    readonly container: (spec: ContainerSpec & { readonly name: string }) => Effect.Effect<Container>
    /** The settings of a user. */
    readonly user: (allow?: TokenClaims["allow"]) => Effect.Effect<Record<string, string>>
    /** Runs to the end, as a user who may see everything unless told otherwise. */
    readonly run: (words: ReadonlyArray<string>, env?: Record<string, string>) => Effect.Effect<Ended>
    readonly start: (words: ReadonlyArray<string>) => Effect.Effect<Serving, never, Scope.Scope>
    /** Starts another proxy on the same port, or another source, as the first was. */
    readonly proxyAgain: Effect.Effect<Serving, never, Scope.Scope>
    readonly sourceAgain: Effect.Effect<Serving, never, Scope.Scope>
  }
>() {}

/** `settings` are of the environment of both servers. */
export const layer = (rdl: RdlProcess, settings: Record<string, string> = {}): Layer.Layer<Fleet, unknown> =>
  Layer.scoped(Fleet, make(rdl, settings))

const make = Effect.fnUntraced(function* (rdl: RdlProcess, settings: Record<string, string>) {
  const engine = yield* SampleEngine.make()
  const jwk = yield* TokenKey.generate("EdDSA")
  const [key] = yield* TokenKey.parse(JSON.stringify(jwk))
  const half = yield* TokenKey.publicHalf(JSON.stringify(jwk))
  const issue = (claims: Pick<TokenClaims, "sub" | "role" | "allow">) => {
    const iat = Math.floor(Date.now() / 1000)
    return Effect.orDie(TokenCodec.issue(key!, { ...claims, iat, exp: iat + 3_600, jti: randomUUID() }))
  }
  const revoked = join(rdl.directory, `revoked-${randomUUID()}`)
  writeFileSync(revoked, "")
  const begin = (words: ReadonlyArray<string>, env: Record<string, string>) =>
    Effect.acquireRelease(
      Effect.sync(() => serving(rdl.start(words, { env }))),
      (process) => Effect.promise(() => process.stop("SIGKILL")),
    )
  const saying = (process: Serving, pattern: RegExp) =>
    Effect.as(
      Effect.promise(() => process.says(pattern)),
      process,
    )
  const beginProxy = (listen: string) =>
    begin(["proxy", "--listen", listen, "--revoked-file", revoked], {
      ...settings,
      RDL_KEY: JSON.stringify(half),
    }).pipe(Effect.flatMap((process) => saying(process, /listening on/)))
  const proxy = yield* beginProxy(`${ownAddress}:0`)
  const [, url = ""] = yield* Effect.promise(() => proxy.says(/listening on (\S+)/))
  const sourceToken = yield* issue({ sub: "edge-1", role: "source" })
  const beginSource = begin(["source", "--proxy", url], {
    ...settings,
    RDL_TOKEN: sourceToken,
    DOCKER_HOST: engine.url,
  }).pipe(Effect.flatMap((process) => saying(process, /linked to the proxy/)))
  const source = yield* beginSource
  const user = (allow?: TokenClaims["allow"]) =>
    issue({ sub: "alice", role: "user", ...(allow === undefined ? {} : { allow }) }).pipe(
      Effect.map((token) => ({ RDL_PROXY: url, RDL_TOKEN: token })),
    )
  const env = yield* user()
  return Fleet.of({
    engine,
    proxy,
    source,
    sourceToken,
    revoked,
    url,
    user,
    container: (spec) =>
      Effect.tap(
        Effect.sync(() => engine.createContainer(spec)),
        () => known(url, env.RDL_TOKEN, spec.name),
      ),
    run: (words, as = env) => Effect.promise(() => rdl.run(words, { env: as })),
    start: (words) => begin(words, env),
    proxyAgain: beginProxy(new URL(url).host),
    sourceAgain: beginSource,
  })
})

/** Asks the proxy until it knows the container. */
const known = (url: string, token: string, name: string): Effect.Effect<void> =>
  Effect.promise(async () => {
    const headers = { authorization: `Bearer ${token}` }
    const answer = await fetch(`${url}/containers?all=1&name=${name}`, { headers })
    return ((await answer.json()) as ReadonlyArray<unknown>).length
  }).pipe(Effect.repeat({ until: (count) => count > 0 }), Effect.asVoid)
