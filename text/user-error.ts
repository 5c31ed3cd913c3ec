/**
 * A message for the user, complete as it stands: commands print it without a stack trace, and so does Pulumi, which looks
 * for this property (RunError of its SDK). The SDK itself takes a third of a second to load, so it is not imported here.
 */
export class UserError extends Error {
  override readonly name: string = "UserError";
  readonly __pulumiRunError = true;
}
