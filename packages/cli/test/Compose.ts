/** The images and the compose files of `deploy/`, on a real engine: built without a registry, gone afterwards. */
import { execFile, execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chownSync, cpSync, mkdirSync, writeFileSync } from "node:fs"
import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const run = promisify(execFile)
const root = fileURLToPath(new URL("../../../", import.meta.url))
const deploy = join(root, "deploy")

/** Debian: `docker.io`, `docker-compose`, `nginx-light`. Says what is missing, as the tests are then skipped. */
export const toolsAreThere = (): boolean =>
  ["docker", "docker-compose", "nginx"].every((tool) => {
    try {
      execFileSync("sh", ["-c", `command -v ${tool}`], { stdio: "ignore" })
      return true
    } catch {
      console.log(`no ${tool} found: the tests of images and compose files are skipped`)
      return false
    }
  })

export interface Project {
  /** `docker-compose` with the words. */
  readonly compose: (...words: ReadonlyArray<string>) => Promise<string>
  /** The id of the container of a service. */
  readonly container: (service: string) => Promise<string>
  readonly down: () => Promise<unknown>
}

export class Compose {
  readonly tag = `test-${randomBytes(4).toString("hex")}`
  readonly secrets: string
  private readonly directory: string
  private readonly socket: string
  private readonly projects: Array<Project> = []

  /** For files a directory that the engine can reach, and that somebody else removes. */
  constructor(directory: string, socket: string) {
    this.directory = directory
    this.socket = socket
    this.secrets = join(directory, "secrets")
    mkdirSync(this.secrets)
  }

  async docker(...words: ReadonlyArray<string>): Promise<string> {
    // The builder that every docker has; the other one is a plugin.
    const env = { ...process.env, DOCKER_HOST: `unix://${this.socket}`, DOCKER_BUILDKIT: "0" }
    return (await run("docker", words, { env, maxBuffer: 1 << 26 })).stdout.trim()
  }

  /** Builds the images of both programs and one of this machine's nginx. */
  async build(): Promise<void> {
    const context = join(this.directory, "context")
    cpSync(deploy, join(context, "deploy"), { recursive: true })
    cpSync(join(root, ".dockerignore"), join(context, ".dockerignore"))
    await run(process.execPath, [join(root, "packages/cli/build.mjs"), join(context, "packages/cli/dist")])
    await Promise.all(["node", "nginx"].map((program) => this.base(program)))
    for (const name of ["proxy", "source"]) {
      const file = join(context, `deploy/docker/${name}.Dockerfile`)
      const words = ["build", "--network=none", "--build-arg", `BASE=${this.image("node")}`, "-f", file]
      // The first stage by a name of its own, so that it can be removed as well.
      await this.docker(...words, "--target", "collect", "-t", this.image(`${name}-collect`), context)
      await this.docker(...words, "-t", this.image(name), context)
    }
  }

  image(name: string): string {
    return `rdl-${name}:${this.tag}`
  }

  /** A certificate in the secrets, whose key is that user's, as `deploy/` makes one; the authority's own. */
  async certificate(owner: number, ...names: ReadonlyArray<string>): Promise<string> {
    const env = { ...process.env, RDL_SECRETS: this.secrets }
    await run("sh", [join(deploy, "compose/certificate.sh"), ...names], { env })
    chownSync(join(this.secrets, "cert.key"), owner, 0)
    return join(this.secrets, "ca.pem")
  }

  /** A project of compose files of `deploy/`, with another one on top of them where it has to be different here. */
  async up(of: string | ReadonlyArray<string>, env: Record<string, string>, override?: object): Promise<Project> {
    const name = `${this.tag}-${this.projects.length}`
    const files = ["-p", name, ...[of].flat().flatMap((file) => ["-f", join(deploy, "compose", file)])]
    if (override !== undefined) {
      const path = join(this.directory, `${name}.json`)
      writeFileSync(path, JSON.stringify(override))
      files.push("-f", path)
    }
    const compose = async (...words: ReadonlyArray<string>) =>
      (await run("docker-compose", [...files, ...words], { env: { ...this.env(), ...env } })).stdout
    const project: Project = {
      compose,
      container: async (service) => (await compose("ps", "-q", service)).trim(),
      down: () => compose("down", "--volumes", "--timeout", "5"),
    }
    this.projects.push(project)
    await compose("up", "-d")
    return project
  }

  /** Removes all containers, networks, volumes and images that were made. */
  async clean(): Promise<void> {
    // The newest first: it may stand in the network of one before it.
    for (const project of this.projects.reverse()) await project.down()
    const built = ["proxy", "source"].flatMap((name) => [name, `${name}-collect`])
    await this.docker("rmi", ...[...built, "node", "nginx"].map((name) => this.image(name)))
  }

  private async base(program: string): Promise<void> {
    const tar = join(this.directory, `${program}.tar`)
    await run("sh", ["-c", `sh "$0" ${program} > "$1"`, join(deploy, "docker/offline-base.sh"), tar])
    await this.docker("import", tar, this.image(program))
  }

  private env(): NodeJS.ProcessEnv {
    const group = execFileSync("stat", ["-c", "%g", this.socket]).toString().trim()
    return {
      PATH: process.env["PATH"],
      DOCKER_HOST: `unix://${this.socket}`,
      DOCKER_SOCK: this.socket,
      DOCKER_GID: group,
      RDL_SECRETS: this.secrets,
      RDL_PROXY_IMAGE: this.image("proxy"),
      RDL_SOURCE_IMAGE: this.image("source"),
      NGINX_IMAGE: this.image("nginx"),
    }
  }
}

export const freePort = async (): Promise<string> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return String(port)
}
