/** What runs in every program: a child of the benchmark that is told its configuration, then asked things one by one. */

/** The first holds the configuration. */
export interface Question {
  readonly id: number
  readonly request: unknown
}

export interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

/** What a program is once it is ready. */
export interface Serving {
  readonly ready?: unknown
  readonly answer?: (request: never) => unknown
}

/** Serves the parent until it goes away; then this process ends, however the parent went. */
export const serve = (start: (config: never) => Serving | Promise<Serving>): void => {
  let serving: Serving | undefined
  process.on("disconnect", () => process.exit(0))
  // With --cpu-prof the profile is written on a proper exit only.
  process.on("SIGTERM", () => process.exit(0))
  process.on("message", (message) => {
    const { id, request } = message as Question
    const reply = async (): Promise<unknown> => {
      if (serving !== undefined) return serving.answer?.(request as never)
      serving = await start(request as never)
      return serving.ready
    }
    reply().then(
      (value) => send({ id, value }),
      (error: unknown) => send({ id, error: error instanceof Error ? error.message : String(error) }),
    )
  })
}

const send = (answer: Answer): void => void process.send?.(answer)
