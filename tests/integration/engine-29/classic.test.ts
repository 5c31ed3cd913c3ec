import { core } from "./core";

core("classic");
