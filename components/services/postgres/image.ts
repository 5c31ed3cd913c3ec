import { ImageReference } from "../../../images/reference";
import { tagVersion } from "../../../images/tag-version";

/** What follows from the tag of PostgreSQL's image. */
export interface PostgresImage {
  readonly major: number;
  /** The image's own postgres user. */
  readonly user: string;
  /** Where the volume is mounted; it moved with version 18. */
  readonly dataPath: string;
}

/** The first one whose image this program can run, and more than there will be: a date or a build number is no version. */
const [OLDEST, NEWEST] = [10, 99];

/** What is said where {@link postgresImage} knows nothing. */
export const noMajorVersion = ({ tag }: Pick<ImageReference, "tag">): string =>
  `images.postgres: expected a tag that begins with the major version, such as 16-alpine, got ${JSON.stringify(tag ?? "none")}; the data volume is named after it`;

/** Undefined when the tag does not begin with the major version. */
export function postgresImage({ tag }: Pick<ImageReference, "tag">): PostgresImage | undefined {
  const major = tagVersion(tag)?.[0];
  if (major === undefined || major < OLDEST || major > NEWEST) return undefined;
  return {
    major,
    user: /alpine/.test(tag ?? "") ? "70:70" : "999:999",
    dataPath: major >= 18 ? "/var/lib/postgresql" : "/var/lib/postgresql/data",
  };
}
