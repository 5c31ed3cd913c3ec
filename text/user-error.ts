/**
 * An error with a complete message for the user. Commands print it without a stack trace. So does Pulumi, which recognizes
 * its own RunError by the property `__pulumiRunError`. RunError itself is not used, because the SDK takes long to load.
 */
export class UserError extends Error {
  override readonly name: string = "UserError";
  readonly __pulumiRunError = true;
}
