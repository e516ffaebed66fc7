// The list of shows: their times as the visitor's clock has them.
import { local } from "./ui.js";

local();
