/** The page of past jobs, which the service renders: the script adds the menu of the service. */

import { menu } from "../ui/menu.js";

document.getElementById("state")?.after(menu());
