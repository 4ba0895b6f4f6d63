/** What the tests use of dockerode, which comes without types. */
declare module "dockerode" {
  interface Container {
    inspect(): Promise<{ readonly Name: string; readonly Config: { readonly Tty: boolean } }>
    logs(options: {
      readonly follow: true
      readonly stdout: true
      readonly stderr: true
    }): Promise<NodeJS.ReadableStream>
    logs(options: { readonly stdout?: boolean; readonly stderr?: boolean; readonly tail?: number }): Promise<Buffer>
    top(): Promise<{ readonly Titles: ReadonlyArray<string>; readonly Processes: ReadonlyArray<ReadonlyArray<string>> }>
    stats(options: { readonly stream: false }): Promise<{ readonly name: string; readonly id: string }>
    start(): Promise<unknown>
    remove(): Promise<unknown>
    exec(options: { readonly Cmd: ReadonlyArray<string> }): Promise<unknown>
  }
  export default class Docker {
    constructor(options: {
      readonly host: string
      readonly port: number
      readonly protocol: "http"
      readonly version?: string
      readonly headers: Readonly<Record<string, string>>
    })
    readonly modem: {
      demuxStream(stream: NodeJS.ReadableStream, out: NodeJS.WritableStream, err: NodeJS.WritableStream): void
    }
    ping(): Promise<Buffer>
    version(): Promise<{ readonly ApiVersion: string }>
    info(): Promise<{ readonly Containers: number }>
    listContainers(options?: {
      readonly all?: boolean
      readonly filters?: object
    }): Promise<ReadonlyArray<{ readonly Id: string; readonly Names: ReadonlyArray<string> }>>
    listImages(): Promise<ReadonlyArray<unknown>>
    listNetworks(): Promise<ReadonlyArray<unknown>>
    listVolumes(): Promise<{ readonly Volumes: ReadonlyArray<unknown> }>
    getContainer(ref: string): Container
    getEvents(options: { readonly filters?: object; readonly since?: number }): Promise<NodeJS.ReadableStream>
    createContainer(options: { readonly Image: string }): Promise<unknown>
    pull(image: string): Promise<unknown>
  }
}
