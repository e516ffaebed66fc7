// The tickets are on the page already; this prints them, and writes times as people's
// own clocks have them.
import { $, local } from "./ui.js";

local();
if ($("print")) {
  $("print").hidden = false;
  $("print").onclick = () => print();
}
