/** Which paths the user API has, read off its description, and which are Docker's. */
import { UserApi } from "@rdl/core/api/UserApi"
import * as DockerRoute from "./docker/DockerRoute.ts"

const patterns = Object.values(UserApi.groups).flatMap((group) =>
  Object.values(group.endpoints).map(
    ({ path }) => new RegExp(`^${path.replaceAll(/:\w+/g, "[^/]+").replaceAll(".", "\\.")}$`),
  ),
)

/** Whether a path is of the user API, whatever the method. */
export const has = (path: string): boolean => patterns.some((pattern) => pattern.test(path))

/** Whether a path is served at all, by the user API or as Docker's. */
export const isServed = (path: string): boolean => has(path) || DockerRoute.has(path)

/** The path of a request's target, without its query. */
export const pathOf = (target: string): string => {
  const end = target.search(/[?#]/)
  return end < 0 ? target : target.slice(0, end)
}
