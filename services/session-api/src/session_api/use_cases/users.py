"""Keeps the users of tokens, with the names that their tokens say."""

import structlog

from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.faults import DatabaseUnavailable
from onboarding_shared.web.granted import Person, TokenRefused, UserNotKept
from session_api.store.users import StoredUser, find_user, save_user

_log = structlog.get_logger(__name__)


class Users:
    """The users that were seen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recognise(self, person: Person) -> None:
        """Keep the user of a verified token. Nothing is written where nothing has changed.

        Of a token whose subject is the user id only the name is kept, if it has one; without the database it is good
        all the same. Raises ``TokenRefused`` if the id made of a subject is that of another one, ``UserNotKept`` if
        that cannot be found out.
        """
        if not person.is_derived and person.display_name is None:
            return
        try:
            kept = await self._keep(person)
        except DatabaseUnavailable as error:
            if person.is_derived:
                raise UserNotKept(str(error)) from error
            _log.warning("user_name_not_kept", user_id=person.user_id, reason=str(error))
            return
        if not kept:
            _log.error("user_id_of_another", user_id=person.user_id, issuer=person.issuer)
            raise TokenRefused("its user has the id of another user")

    async def _keep(self, person: Person) -> bool:
        said = StoredUser(person.issuer, person.subject, person.display_name)
        known = await self._database.run_single(lambda tx: find_user(tx, person.user_id))
        if known is not None and said in (known, StoredUser(known.issuer, known.subject, None)):
            return True
        return await self._database.run_single(
            lambda tx: save_user(tx, person.user_id, said, is_derived=person.is_derived)
        )
