/** Questions about one container that are not for its log: what it is, what it uses, what runs in it. */
import { Effect, type Scope } from "effect"
import { ApiError } from "../api/ApiError.ts"
import type { OpenAbout } from "../link/LinkMessage.ts"
import type { SourceContainer } from "../model/Container.ts"
import type { RoutedLog, User } from "./RequestRouter.ts"
import { fromStreamFailure, fromUnavailable } from "./RoutingError.ts"
import type { SourceRegistry } from "./SourceRegistry.ts"
import * as StreamBreaker from "./StreamBreaker.ts"

/** What may be asked about a container, without saying which one and for whom. */
export type ContainerQuestion = Without<OpenAbout, "containerId" | "scope">
type Without<A, K extends PropertyKey> = A extends unknown ? Omit<A, K> : never

export interface Parts {
  readonly registry: SourceRegistry["Type"]
  readonly resolve: (user: User, ref: string) => Effect.Effect<SourceContainer, ApiError>
  readonly takeSlot: (user: string) => Effect.Effect<void, ApiError, Scope.Scope>
}

/** How long a source may take to begin its answer: a stopped container's figures come after two measurements. */
const PATIENCE = "30 seconds"

/** Asks the container's source as the user; the answer holds one of the user's places until the scope closes. */
export const make = ({ registry, resolve, takeSlot }: Parts) =>
  Effect.fn("RequestRouter.ask")(function* (
    user: User,
    ref: string,
    question: ContainerQuestion,
  ): Effect.fn.Return<RoutedLog, ApiError, Scope.Scope> {
    const container = yield* resolve(user, ref)
    const { id, source } = container
    yield* takeSlot(user.claims.sub)
    const reader = yield* registry.open(source, { ...question, containerId: id, scope: user.claims.allow ?? {} }).pipe(
      Effect.timeoutFail({ duration: PATIENCE, onTimeout: () => silent(source) }),
      Effect.catchTags({
        SourceUnavailable: (error) => fromUnavailable(error),
        StreamError: (error) => fromStreamFailure(error, source, ref),
        LinkLost: (error) => fromStreamFailure(error, source, ref),
      }),
    )
    return { container, reader: yield* StreamBreaker.breakable(reader, user.lapsed) }
  })

const silent = (source: string) =>
  new ApiError({ code: "source-silent", message: `the source ${source} did not answer within 30 s`, source })
