import { expect, layer } from "@effect/vitest"
import type { Container } from "@rdl/sample-engine/Container"
import { Effect } from "effect"
import { join } from "node:path"
import * as Fleets from "./Fleet.ts"
import { Fleet } from "./Fleet.ts"
import { rdlProcess } from "./RdlProcess.ts"

const rdl = rdlProcess()

/** Two streams, and a last line without its end, which the engine stores once the container has ended. */
const writeBoth = (container: Container): void => {
  container.log("stdout", "one\n")
  container.log("stderr", "two\n")
  container.log("stdout", "three")
  container.exit()
}

layer(Fleets.layer(rdl), { excludeTestServices: true, timeout: 120_000 })("the commands of users", (it) => {
  it.effect("show a container's two streams on our own two", () =>
    Effect.gen(function* () {
      const { container, run } = yield* Fleet
      writeBoth(yield* container({ name: "both" }))
      expect(yield* run(["logs", "edge-1/both", "--host", "none"])).toEqual({
        code: 0,
        stdout: "one\nthree",
        stderr: "two\n",
      })
      expect(yield* run(["logs", "both"])).toMatchObject({ code: 0, stderr: "edge-1 | two\n" })
      expect((yield* run(["logs", "both"])).stdout).toMatch(/^edge-1 \| one\nedge-1 \| three\n?$/)
      const last = yield* run(["logs", "both", "-tn", "2", "--host=suffix"])
      expect(last.stderr).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z two \| edge-1\n$/)
    }),
  )

  it.effect("show only the lines that are looked for", () =>
    Effect.gen(function* () {
      const { container, run } = yield* Fleet
      const noisy = yield* container({ name: "noisy" })
      noisy.log("stdout", "GET /health ERROR\nERROR one\nfine\n")
      noisy.log("stderr", "ERROR two of web\n")
      expect(yield* run(["logs", "noisy", "--host=none", "--grep", "ERROR", "--exclude", "/health"])).toEqual({
        code: 0,
        stdout: "ERROR one\n",
        stderr: "ERROR two of web\n",
      })
      const both = ["--grep", "^ERROR", "--grep", "(?i)WEB$"]
      expect(yield* run(["logs", "noisy", "--host=none", ...both])).toMatchObject({ stdout: "" })
      const bad = yield* run(["logs", "noisy", "--grep", "(a"])
      expect(bad).toMatchObject({ code: 2, stdout: "" })
      expect(bad.stderr).toMatch(/^rdl: [^\n]*grep[^\n]*\n$/)
    }),
  )

  it.effect("show a terminal's one stream, labelled and byte for byte", () =>
    Effect.gen(function* () {
      const { container, run } = yield* Fleet
      ;(yield* container({ name: "shell", tty: true })).log("stdout", "a\nb\n")
      expect(yield* run(["logs", "shell", "--host", "none"])).toEqual({ code: 0, stdout: "a\r\nb\r\n", stderr: "" })
      expect((yield* run(["logs", "shell"])).stdout.replaceAll("\r", "")).toBe("edge-1 | a\nedge-1 | b\n")
    }),
  )

  it.effect("give programs JSON", () =>
    Effect.gen(function* () {
      const { container, run } = yield* Fleet
      writeBoth(yield* container({ name: "json" }))
      const entries = (yield* run(["logs", "json", "--output", "json"])).stdout.trim().split("\n")
      expect(entries.map((entry) => JSON.parse(entry) as unknown)).toMatchObject([
        { source: "edge-1", container: "json", stream: "stdout", line: "one" },
        { stream: "stderr", line: "two" },
        { stream: "stdout", line: "three" },
        { end: { reason: "eof" } },
      ])
      const ps = yield* run(["ps", "-a", "--name", "jso?", "--output", "json"])
      expect(JSON.parse(ps.stdout)).toMatchObject([{ name: "json", state: "exited", stale: false }])
      const sources = yield* run(["sources", "--output", "json"])
      expect(JSON.parse(sources.stdout)).toMatchObject([{ name: "edge-1", connected: true, transport: "ws" }])
    }),
  )

  it.effect("list what is asked for", () =>
    Effect.gen(function* () {
      const { container, run } = yield* Fleet
      const { id } = yield* container({ name: "listed", labels: { team: "shop" } })
      expect(yield* run(["ps", "-q", "--label", "team=sh*"])).toMatchObject({ stdout: `${id.slice(0, 12)}\n` })
      expect(yield* run(["ps", "--no-trunc", "-q", "--name", "listed", "--source", "edge-?"])).toMatchObject({
        stdout: `${id}\n`,
      })
      expect(yield* run(["ps", "--source", "other"])).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^[^\n]+\n$/) as string,
      })
      expect((yield* run(["sources"])).stdout).toMatch(/^edge-1 +Connected .* ws .* docker 20\.10/m)
    }),
  )

  it.effect("let nothing in a name or an image reach the terminal as a command", () =>
    Effect.gen(function* () {
      const { container, run } = yield* Fleet
      yield* container({ name: "evil", image: "evil\u001b]0;owned\u0007\u202e\r\nfaked   row" })
      const { stdout } = yield* run(["ps", "--no-trunc", "--name", "evil"])
      expect(stdout).toContain("evil\\u{1b}]0;owned\\u{7}\\u{202e}\\u{d}\\u{a}faked")
      expect(stdout.split("\n")).toHaveLength(3)
    }),
  )

  it.scoped("end quietly when nobody reads on", () =>
    Effect.gen(function* () {
      const { container, start } = yield* Fleet
      const endless = yield* container({ name: "endless" })
      endless.log("stdout", "x".repeat(99).concat("\n").repeat(20_000))
      const { child, ended, stderr } = yield* start(["logs", "endless", "-f"])
      child.stdout?.once("data", () => child.stdout?.destroy())
      expect(yield* Effect.promise(() => ended)).toBe(0)
      expect(stderr()).toBe("")
    }),
  )

  it.scoped("follow until Ctrl-C, which is exit code 130 and ends it at the engine too", () =>
    Effect.gen(function* () {
      const { container, engine, start } = yield* Fleet
      const live = yield* container({ name: "live" })
      const following = () => [...engine.openStreams].some(({ path }) => path.includes(live.id))
      const follower = yield* start(["logs", "-f", "live"])
      yield* engine.until(following)
      live.log("stdout", "now\n")
      yield* Effect.promise(() => follower.says(/edge-1 \| now\n/))
      expect(yield* Effect.promise(() => follower.stop("SIGINT"))).toBe(130)
      expect(follower.stderr()).toBe("")
      yield* engine.until(() => !following())
    }),
  )

  it.effect("show a user what the token allows; anything else looks like nothing at all", () =>
    Effect.gen(function* () {
      const { container, run, user } = yield* Fleet
      yield* container({ name: "ours", labels: { crew: "a" } })
      ;(yield* container({ name: "theirs" })).log("stdout", "secret\n")
      const bob = yield* user({ labels: ["crew=a"] })
      const ps = yield* run(["ps", "-a"], bob)
      expect(ps.stdout).toContain("ours")
      expect(ps.stdout).not.toContain("theirs")
      const denied = yield* run(["logs", "edge-1/theirs"], bob)
      const absent = yield* run(["logs", "edge-1/absent"], bob)
      expect(denied).toEqual({ ...absent, stderr: absent.stderr.replace("absent", "theirs") })
      expect(absent).toEqual({
        code: 1,
        stdout: "",
        stderr: "rdl: no such container: edge-1/absent; rdl ps -a lists what there is\n",
      })
    }),
  )

  it.effect("name what the proxy does not take, as a matter of usage", () =>
    Effect.gen(function* () {
      const { container, run } = yield* Fleet
      yield* container({ name: "usage" })
      const refused = yield* run(["logs", "usage", "--since", "yesterday"])
      expect(refused).toMatchObject({ code: 2, stdout: "" })
      expect(refused.stderr).toContain('since="yesterday" means nothing here')
      expect((yield* run(["logs"])).stderr).toMatch(/^rdl: .*CONTAINER.*; see rdl logs --help\n$/)
    }),
  )

  it.effect("say what to do where no proxy can be asked", () =>
    Effect.gen(function* () {
      const { run, url, user } = yield* Fleet
      const env = yield* user()
      const ask = (proxy: string) => Effect.map(run(["ps"], { ...env, RDL_PROXY: proxy }), ({ stderr }) => stderr)
      expect(yield* ask("http://127.0.0.1:1")).toMatch(
        /^rdl: cannot ask http:\/\/127.0.0.1:1: nobody is listening there/,
      )
      expect(yield* ask(url.replace("http", "https"))).toContain("it does not speak TLS")
      expect(yield* ask("http://nowhere.invalid")).toContain("there is no host of this name")
      expect(yield* ask("https://a:b@x")).toContain("a token goes into --token-file, never into the URL")
    }),
  )

  it.effect("save a login, and send its token to no other proxy", () =>
    Effect.gen(function* () {
      const { run, user } = yield* Fleet
      const state = { RDL_STATE_DIR: join(rdl.directory, "login") }
      expect(yield* run(["login"], { ...(yield* user()), ...state })).toMatchObject({ code: 0, stdout: "" })
      expect((yield* run(["sources"], state)).stdout).toMatch(/^edge-1 +Connected /m)
      const elsewhere = yield* run(["ps", "--proxy", "http://127.0.0.1:1"], state)
      expect(elsewhere.code).toBe(2)
      expect(elsewhere.stderr).toContain("there is no token for http://127.0.0.1:1")
      yield* run(["logout"], state)
      expect((yield* run(["ps"], state)).stderr).toContain("there is no proxy to ask")
    }),
  )
})
