// Most pages; on a task page the ranking comes to life.

import {} from "./common.js";
import { $ } from "./dom.js";
import { startRanking } from "./ranking.js";

if ($("#ranks")) startRanking($("#ranks"));
