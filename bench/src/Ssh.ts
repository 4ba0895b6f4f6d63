/** `ssh -R` of an engine's socket, by an sshd of this run: its own port, keys and configuration, and nothing of the machine's. */
import { Effect, type Scope } from "effect"
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { userInfo } from "node:os"
import { join } from "node:path"
import { type BenchError, NotHere } from "./BenchError.ts"
import { familyOf } from "./ProcStat.ts"
import type { Relay } from "./Floors.ts"
import { output, temporaryDirectory, tool } from "./Processes.ts"

const SSHD = "/usr/sbin/sshd"
/** An sshd that root runs wants it, whatever its configuration says. */
const PRIVILEGE_SEPARATION = "/run/sshd"

/** Ciphers and all else as both ends like it best. */
export const start = (socketPath: string): Effect.Effect<Relay, BenchError | NotHere, Scope.Scope> =>
  Effect.gen(function* () {
    if (!existsSync(SSHD)) return yield* new NotHere({ what: "sshd" })
    yield* privilegeSeparation
    const directory = yield* temporaryDirectory
    const [hostKey, userKey] = [join(directory, "host"), join(directory, "user")]
    for (const key of [hostKey, userKey]) yield* output("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key])
    const port = yield* freePort
    const config = join(directory, "sshd_config")
    writeFileSync(config, sshdConfig({ port, hostKey, authorized: `${userKey}.pub`, pid: join(directory, "pid") }))
    const daemon = yield* tool(SSHD, ["-D", "-f", config])
    const front = join(directory, "engine.sock")
    yield* Effect.sleep("300 millis")
    const client = yield* tool("ssh", sshArguments({ port, userKey, front, socketPath }))
    yield* Effect.repeat(Effect.sleep("20 millis"), { until: () => existsSync(front) || client.exited(), times: 500 })
    if (!existsSync(front)) return yield* new NotHere({ what: "an sshd that lets this user in" })
    return { target: { socketPath: front }, pids: [client.pid, ...familyOf(daemon.pid)] }
  })

const sshdConfig = (of: { port: number; hostKey: string; authorized: string; pid: string }): string => `
ListenAddress 127.0.0.1:${of.port}
HostKey ${of.hostKey}
AuthorizedKeysFile ${of.authorized}
PidFile ${of.pid}
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
AllowStreamLocalForwarding yes
PrintMotd no
`

/** Nothing of the user's own: no agent, no known hosts, no configuration. */
const OWN_NOTHING = [
  "IdentitiesOnly=yes",
  "IdentityAgent=none",
  "ExitOnForwardFailure=yes",
  "StrictHostKeyChecking=no",
  "UserKnownHostsFile=/dev/null",
  "GlobalKnownHostsFile=/dev/null",
]

const sshArguments = (of: { port: number; userKey: string; front: string; socketPath: string }) => {
  const how = ["-F", "none", "-N", "-T", "-i", of.userKey, "-p", String(of.port)]
  const options = OWN_NOTHING.flatMap((option) => ["-o", option])
  return [...how, ...options, "-R", `${of.front}:${of.socketPath}`, `${userInfo().username}@127.0.0.1`]
}

const privilegeSeparation: Effect.Effect<void, NotHere, Scope.Scope> = Effect.acquireRelease(
  Effect.try({
    try: () => {
      if (process.getuid?.() !== 0 || existsSync(PRIVILEGE_SEPARATION)) return false
      mkdirSync(PRIVILEGE_SEPARATION, { mode: 0o755 })
      return true
    },
    catch: () => new NotHere({ what: PRIVILEGE_SEPARATION }),
  }),
  (made) => Effect.sync(() => made && rmdirSync(PRIVILEGE_SEPARATION)),
)

const freePort: Effect.Effect<number> = Effect.async((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})
