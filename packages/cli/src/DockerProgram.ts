/** Docker's own command, run in the foreground in our place. */
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { ChildEnded, CommandFailed } from "./Failure.ts"

/**
 * Runs `docker` with this process's terminal until it ends; fails with its exit code where that is not 0. Interruption
 * tells it to stop, and waits for it.
 */
export const run = (
  words: ReadonlyArray<string>,
  env: Readonly<Record<string, string | undefined>>,
): Effect.Effect<void, ChildEnded | CommandFailed> =>
  Effect.acquireUseRelease(
    Effect.sync(() => spawn("docker", words, { stdio: "inherit", env })),
    ended,
    stop,
  )

const ended = (child: ChildProcess): Effect.Effect<void, ChildEnded | CommandFailed> =>
  Effect.async((resume) => {
    child.once("error", (error: NodeJS.ErrnoException) =>
      resume(
        new CommandFailed({
          detail:
            error.code === "ENOENT"
              ? "there is no docker command on this machine: install Docker's command line (Debian: docker-cli), or point a client you have at the line that rdl docker prints"
              : `docker cannot be run: ${error.message}`,
        }),
      ),
    )
    child.once("exit", (code, signal) => {
      const failed = code ?? (signal === "SIGINT" ? 130 : 143)
      resume(failed === 0 ? Effect.void : new ChildEnded({ code: failed }))
    })
  })

const stop = (child: ChildProcess): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGTERM")
  })
