import { readdirSync } from "node:fs"
import { join } from "node:path"
import { engineSockets, type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { Effect, FastCheck as fc, ManagedRuntime } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ContainerId } from "@rdl/core/model/Container"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import * as FilesLogOrigin from "../../src/files/FilesLogOrigin.ts"
import { asContainer } from "../AsContainer.ts"
import { RecordingTaker } from "./RecordingTaker.ts"

/** Everything that is stored in another form than it was written, or cut, or not stored at all. */
const AWKWARD = `
  line() { head -c "$1" /dev/zero | tr '\\0' "$2"; echo; }
  echo plain; echo; echo to-stderr >&2; printf 'cr\\r\\n'; printf 'nul\\000esc\\033[31mred\\n'
  printf '\\377\\376 not utf-8\\n'; echo 'grüße 日本 😀 <&> " \\\\ /'
  line 16383 a; line 16384 b; line 16385 c; line 32768 d >&2; line 100000 e; echo >&2; echo between; line 20000 f
  for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done
  printf 'no newline at the end'`

const rotating = `
  i=0; while [ $i -lt 3000 ]; do echo "line $i of a log that is rotated"; [ $((i % 7)) = 0 ] && echo "err $i" >&2; i=$((i+1)); done`

const sockets = engineSockets()
const limits = { "max-size": "50k", "max-file": "4" }

describe.skipIf(sockets.length === 0).each(sockets.length === 0 ? ["no engine"] : sockets)(
  "the local driver's files on %s",
  (socket) => {
    const engine = new RealEngine(socket)
    const runtime = ManagedRuntime.make(EngineClient.layer({ engine: `unix://${socket}`, env: {} }))
    let containers: Record<"plain" | "terminal" | "packed" | "rotated", RealContainer>
    let root: string

    beforeAll(async () => {
      const run = (script: string, logOptions = {}, tty = false) =>
        engine.runToEnd({ script, tty, logDriver: "local", logOptions })
      const { DockerRootDir } = await engine.json<{ readonly DockerRootDir: string }>("/info")
      root = join(DockerRootDir, "containers")
      const [plain, terminal, packed, rotated] = await Promise.all([
        run(AWKWARD),
        run(AWKWARD, {}, true),
        run(rotating, limits),
        run(rotating, { ...limits, compress: "false" }),
      ])
      containers = { plain, terminal, packed, rotated }
    }, 60_000)

    afterAll(async () => {
      await Promise.allSettled(Object.values(containers ?? {}).map((container) => container.remove()))
      await runtime.dispose()
      await engine.close()
    })

    const read = async (container: RealContainer, query: LogQuery, tty: boolean): Promise<Buffer> => {
      const taker = new RecordingTaker({ tty })
      const program = Effect.gen(function* () {
        const client = yield* EngineClient.EngineClient
        const origin = FilesLogOrigin.make({
          isLocal: Effect.succeed(true),
          rootDir: Effect.map(client.info, ({ rootDir }) => rootDir),
          ended: () => Effect.never,
        })
        const details = yield* client.inspect(ContainerId.make(container.id))
        return yield* origin.read(
          { container: asContainer(container), details, engine: yield* client.engine, query, from: undefined },
          taker,
        )
      })
      expect(await runtime.runPromise(Effect.mapError(program, (error) => error.message))).toBe("eof")
      expect(taker.gaps).toEqual([])
      return taker.bytes()
    }

    it.each(["plain", "terminal", "packed", "rotated"] as const)(
      "give of a %s log what the engine gives, byte for byte",
      async (name) => {
        const container = containers[name]
        const tails = fc.oneof(fc.constant(undefined), fc.nat(40), fc.nat(4000))
        await fc.assert(
          fc.asyncProperty(fc.boolean(), tails, async (details, tail) => {
            const all: LogQuery = { follow: false, stdout: true, stderr: true, timestamps: true, details }
            const query = tail === undefined ? all : { ...all, tail }
            const asked = `stdout=1&stderr=1&timestamps=1&details=${Number(details)}&tail=${tail ?? "all"}`
            const truth = await engine.logs(container.id, asked)
            const given = await read(container, query, name === "terminal")
            expect(given.equals(truth)).toBe(true)
          }),
          { numRuns: 12 },
        )
      },
      60_000,
    )

    it("are packed where they are to be", () => {
      const packed = readdirSync(join(root, containers.packed.id, "local-logs")).filter((name) => name.endsWith(".gz"))
      expect(packed.length).toBe(3)
    })
  },
)
