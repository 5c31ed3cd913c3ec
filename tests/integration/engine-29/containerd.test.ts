import { core } from "./core";

core("containerd");
