import { Exemptible } from "../../../components/hardened/policy";
import { ContainerFacts } from "../view/facts";

/** What one item of the benchmark is about. */
export type CisRule = { readonly id: string; readonly title: string } & (
  | {
      /** What is wrong with a container, in a few words; undefined when nothing is. */
      readonly problem: About;
      /** What it takes to pass, for people. */
      readonly expects: string;
      /** The control whose exemption justifies a problem, as far as it names it. Without one nothing does. */
      readonly exemptedBy?: Exemptible;
      /** The reason where a problem is a decision of the policy itself, for the whole stack. */
      readonly decided?: About;
      /** Why the item has nothing to say about a container; undefined when it has. */
      readonly outOfScope?: About;
      /** What only the host, or people, can say where nothing is wrong; undefined when everything is known. */
      readonly leftToHost?: About;
    }
  | {
      /** Why neither the program nor a container can answer the item. */
      readonly host: string;
    }
);

type About = (container: ContainerFacts) => string | undefined;
