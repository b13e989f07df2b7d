// Answers of the API as files: the token is a header, so a plain link could not fetch them.
import { send } from "./api.js";
import { tell, tellProblem } from "./notices.js";

export async function save(call, name, type) {
	try {
		const { text } = await send(call);
		const link = document.createElement("a");
		link.href = URL.createObjectURL(new Blob([text], { type }));
		link.download = name;
		link.click();
		setTimeout(() => URL.revokeObjectURL(link.href), 60000);
		tell(`${name} was saved.`);
	} catch (problem) {
		tellProblem(problem, name);
	}
}
