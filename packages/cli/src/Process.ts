/** Runs the program in its process: signals, exit codes, and how a failure is told. */
import { Cause, Context, Deferred, Effect, Exit } from "effect"
import { ChildEnded, OutputClosed, UsageError, UsageErrors } from "./Failure.ts"
import * as Output from "./Output.ts"

/** The signals that ask to stop, with the exit code of who dies of them. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const
type Signal = keyof typeof SIGNALS

/** How long stopping may take before the process ends regardless. In milliseconds. */
export const STOP_TIMEOUT = 2_000

/** For commands whose proper end is a signal. */
export class StopSignal extends Context.Tag("@rdl/cli/StopSignal")<
  StopSignal,
  {
    /** Waits for SIGINT or SIGTERM and takes it as the end of the work: the exit code is 0, not 130 or 143. */
    readonly received: Effect.Effect<Signal>
  }
>() {}

/** Runs to the end and exits the process; `name` stands before what it says of a failure. The first signal stops in good order, the second at once. */
export const run = (name: string, program: Effect.Effect<void, unknown, StopSignal>): void => {
  const signal = Effect.runSync(Deferred.make<Signal>())
  let awaited = false
  let stopping: number | undefined
  const received = Effect.suspend(() => {
    awaited = true
    return Deferred.await(signal)
  })
  const stop = (signalled: Signal) => {
    if (stopping !== undefined) process.exit(SIGNALS[signalled])
    stopping = awaited ? 0 : SIGNALS[signalled]
    setTimeout(() => process.exit(stopping), STOP_TIMEOUT).unref()
    if (awaited) Deferred.unsafeDone(signal, Exit.succeed(signalled))
    else fiber.unsafeInterruptAsFork(fiber.id())
  }
  process.on("SIGINT", stop).on("SIGTERM", stop)
  // A reader that went away is told to whoever writes; without a listener Node would throw it at the process.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
  const fiber = Effect.runFork(Effect.provideService(program, StopSignal, { received }))
  fiber.addObserver((exit) => {
    const { code, said } = outcome(name, exit, stopping ?? 130)
    Effect.runFork(Effect.forEach(said, Output.say)).addObserver(() => process.exit(code))
  })
}

interface Outcome {
  readonly code: number
  /** A line each. */
  readonly said: ReadonlyArray<string>
}

const outcome = (name: string, exit: Exit.Exit<void, unknown>, interrupted: number): Outcome => {
  if (Exit.isSuccess(exit)) return { code: 0, said: [] }
  if (Cause.isInterruptedOnly(exit.cause)) return { code: interrupted, said: [] }
  const error = Cause.squash(exit.cause)
  if (error instanceof OutputClosed) return { code: 0, said: [] }
  if (error instanceof ChildEnded) return { code: error.code, said: [] }
  if (Cause.isDie(exit.cause))
    return { code: 1, said: [`${name}: this is a defect of rdl:`, ...Cause.pretty(exit.cause).split("\n")] }
  if (error instanceof UsageErrors)
    return {
      code: 2,
      said: [`${name}: ${error.details.length} settings cannot be used:`, ...error.details.map((one) => `  ${one}`)],
    }
  return {
    code: error instanceof UsageError ? 2 : 1,
    said: [`${name}: ${error instanceof Error ? error.message : String(error)}`],
  }
}
