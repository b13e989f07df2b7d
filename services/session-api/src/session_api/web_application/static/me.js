// The signed-in person: name, tenants and permissions.
import { createContext, useContext } from "./preact.js";

const Me = createContext(null);
export const MeProvider = Me.Provider;

/** The caller with `may(tenant, permission)`, which tells whether the API would allow it. */
export function useMe() {
	const me = useContext(Me);
	const may = (tenant, permission) => {
		const named = `onboarding.${permission}`;
		if (!me) return false;
		if (me.permissions.includes(named) && (me.all_tenants || me.tenants.some((own) => own.tenant_id === tenant))) return true;
		return me.tenants.some((own) => own.tenant_id === tenant && own.permissions.includes(named));
	};
	return { ...me, may };
}

export const lacks = (permission) => `Your sign-in lacks the permission onboarding.${permission} for this customer.`;
