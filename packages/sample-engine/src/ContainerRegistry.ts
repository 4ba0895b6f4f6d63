/** The containers of one engine, and how a reference finds one. */
import { ApiError } from "./ApiError.ts"
import type { Container } from "./Container.ts"
import type { Flavour } from "./Flavour.ts"

const MAX_CONTAINERS = 10_000
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/

export class ContainerRegistry {
  private readonly flavour: Flavour
  private readonly byId = new Map<string, Container>()
  private readonly byName = new Map<string, Container>()

  constructor(flavour: Flavour) {
    this.flavour = flavour
  }

  /** Newest first. */
  get all(): ReadonlyArray<Container> {
    return [...this.byId.values()].reverse()
  }

  /** Throws when the id or name is taken, or there are 10,000 already. */
  add(container: Container): void {
    if (this.byId.size >= MAX_CONTAINERS) throw new Error(`more than ${MAX_CONTAINERS} containers: remove some`)
    if (this.byId.has(container.id)) throw new Error(`container id ${container.id} is taken`)
    this.requireFree(container.name)
    this.byId.set(container.id, container)
    this.byName.set(container.name, container)
  }

  delete(container: Container): void {
    this.byId.delete(container.id)
    this.byName.delete(container.name)
  }

  /** Throws when another container has this name, or the engine would not allow it. */
  rename(container: Container, name: string): void {
    this.requireFree(name)
    this.byName.delete(container.name)
    this.byName.set(name, container)
    container.name = name
  }

  private requireFree(name: string): void {
    if (!NAME.test(name)) throw new Error(`container name ${JSON.stringify(name)}: only ${NAME.source} are allowed`)
    if (this.byName.has(name)) throw new Error(`container name ${name} is taken`)
  }

  /** Full id, then exact name, then the start of one id. */
  resolve(reference: string): Container {
    const exact = this.byId.get(reference) ?? this.byName.get(reference)
    if (exact !== undefined) return exact
    const matches = reference === "" ? [] : this.all.filter((container) => container.id.startsWith(reference))
    const [match] = matches
    if (match === undefined) throw this.unknown(reference)
    if (matches.length > 1) throw this.ambiguous(reference)
    return match
  }

  private unknown(reference: string): ApiError {
    return this.flavour.kind === "docker"
      ? new ApiError(404, `No such container: ${reference}`)
      : new ApiError(404, `no container with name or ID "${reference}" found: no such container`, {
          cause: "no such container",
        })
  }

  private ambiguous(reference: string): ApiError {
    return this.flavour.kind === "docker"
      ? new ApiError(
          this.flavour.modernErrors ? 400 : 500,
          `${this.flavour.modernErrors ? "m" : "M"}ultiple IDs found with provided prefix: ${reference}`,
        )
      : new ApiError(500, `more than one result for container name or ID "${reference}": container already exists`, {
          cause: "container already exists",
        })
  }
}
