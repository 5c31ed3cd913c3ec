import { MockMonitor, Mocks } from "@pulumi/pulumi/runtime/mocks";

/** What a program asks the engine to register, before the SDK's in-memory monitor simplifies it. */
export interface Registration {
  readonly type: string;
  readonly name: string;
  readonly custom: boolean;
  /** Secrets are still marked where they are; the monitor moves the mark up to the whole property. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** URNs. */
  readonly dependencies: readonly string[];
}

/** The part of the SDK's RegisterResourceRequest (resource.proto) that is read here. */
interface Request {
  getType(): string;
  getName(): string;
  getCustom(): boolean;
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
  getDependenciesList(): string[];
}

/** The SDK's in-memory monitor, which also tells each registration as the program made it. */
export class RecordingMonitor extends MockMonitor {
  readonly #record: (registration: Registration) => void;

  constructor(mocks: Mocks, record: (registration: Registration) => void) {
    super(mocks);
    this.#record = record;
  }

  override registerResource(
    request: Request,
    callback: (error: unknown, response: unknown) => void,
  ): Promise<void> {
    this.#record({
      type: request.getType(),
      name: request.getName(),
      custom: request.getCustom(),
      inputs: request.getObject()?.toJavaScript() ?? {},
      dependencies: request.getDependenciesList(),
    });
    return super.registerResource(request, callback);
  }
}
