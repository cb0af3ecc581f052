"""The storage of `scim2_server`: what the directory says, in PostgreSQL. A worker brings it to the roster (ADR 87)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from scim2_models import (
    InvalidValueException,
    Meta,
    NotFoundException,
    NotImplementedException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimProvider,
    SearchRequest,
    UniquenessException,
)
from scim2_models.path import CompareOperator, Comparison
from scim2_server.storage import ScimStorage, SearchPage

from apps.api.scim.schemas import ENTERPRISE
from apps.core.audit import Actor
from apps.core.errors import Refused
from apps.roster import directory_groups, directory_users
from apps.roster.directory_filters import filter_condition
from apps.roster.directory_models import DirectoryGroup, DirectoryRecord, DirectoryUser

UNIQUE_VIOLATION = "23505"
# Attributes that are compared in an index, by their column; both sides in lower case.
INDEXED = {"userName": "user_name", "employeeNumber": "staff_no", "displayName": "display_name"}


class DirectoryStorage(ScimStorage):
    """Users and groups as the directory sent them; `by` is the owner of its token."""

    def __init__(self, provider: ScimProvider, by: Actor):
        self.provider, self.by = provider, by

    def operation(self) -> AbstractContextManager[None]:
        return transaction.atomic()

    def get(
        self, resource_type: ResourceType, resource_id: str, *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:  # fmt: skip
        record = self._record(resource_type, resource_id)
        return self._resource(resource_type, record, with_members=not _excludes_members(response_parameters))

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        if len(resource_types) != 1:
            raise NotImplementedException(detail="Search users and groups separately.")
        [resource_type] = resource_types
        records = _records(resource_type)
        if search_request.filter is not None:
            records = _filtered(records, search_request.filter)
        total = records.count()
        start, count = search_request.start_index_0 or 0, search_request.count
        page = records.order_by("created_at", "pk")[start : None if count is None else start + count]
        with_members = not _excludes_members(search_request)
        if count == 0:
            return SearchPage(total, [])
        resources = [self._resource(resource_type, record, with_members=with_members) for record in page]
        return SearchPage(total, resources)

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        document, members = _document(resource)
        with _refusals():
            if resource_type.name == "User":
                record: DirectoryRecord = directory_users.create_user(document=document, by=self.by)
            else:
                record = directory_groups.create_group(document=document, members=members, by=self.by)
        return self._resource(resource_type, record)

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        record = self._locked(resource_type, str(resource.id), expected_version)
        document, members = _document(resource)
        with _refusals():
            if isinstance(record, DirectoryUser):
                directory_users.change_user(user=record, document=document, by=self.by)
            elif isinstance(record, DirectoryGroup):
                directory_groups.change_group(group=record, document=document, members=members, by=self.by)
        return self._resource(resource_type, record)

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        record = self._locked(resource_type, resource_id, expected_version)
        with _refusals():
            if isinstance(record, DirectoryUser):
                directory_users.delete_user(user=record, by=self.by)
            elif isinstance(record, DirectoryGroup):
                directory_groups.delete_group(group=record, by=self.by)

    def _record(self, resource_type: ResourceType, resource_id: str, *, lock: bool = False) -> DirectoryRecord:
        records = _records(resource_type)
        record = None
        if is_id(resource_id):
            record = (records.select_for_update() if lock else records).filter(pk=resource_id).first()
        if record is None:
            raise NotFoundException(detail=f"There is no {resource_type.name} with this id.")
        return record

    def _locked(self, resource_type: ResourceType, resource_id: str, expected_version: str | None) -> DirectoryRecord:
        record = self._record(resource_type, resource_id, lock=True)
        if expected_version is not None and _version(record) != expected_version:
            raise PreconditionFailedException(detail="It has changed meanwhile. Read it again.")
        return record

    def _resource(
        self, resource_type: ResourceType, record: DirectoryRecord, *, with_members: bool = True
    ) -> Resource[Any]:
        content = {**record.document, "id": str(record.pk)}
        if isinstance(record, DirectoryUser):
            extension = content.get(ENTERPRISE) or {}
            if (manager := extension.get("manager")) and is_id(manager.get("value", "")):
                linked = {**manager, "$ref": f"Users/{manager['value']}"}
                content[ENTERPRISE] = {**extension, "manager": linked}
        elif with_members:
            ids = directory_groups.member_ids(record.pk)
            content["members"] = [{"value": str(pk), "$ref": f"Users/{pk}"} for pk in ids]
        model = cast(type[Resource[Any]], self.provider.model_for(resource_type))
        resource = model.model_validate(content, scim_policy=self.provider.policy)
        resource.meta = Meta(
            resource_type=resource_type.name, created=record.created_at, last_modified=record.changed_at,
            version=_version(record),
        )  # fmt: skip
        return resource


def is_id(text: str) -> bool:
    """Whether the text can be the id of a resource, in its only spelling."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _version(record: DirectoryRecord) -> str:
    return f'W/"{record.version}"'


def _records(resource_type: ResourceType) -> QuerySet[Any]:
    if resource_type.name == "User":
        return DirectoryUser.objects.filter(deleted_at=None)
    return DirectoryGroup.objects.all()


def _filtered(records: QuerySet[Any], scim_filter: Any) -> QuerySet[Any]:
    """The records that match. What Entra and Okta ask before each change is found by an index."""
    node = scim_filter.ast
    if isinstance(node, Comparison) and node.op == CompareOperator.eq and isinstance(node.value, str):
        binding = scim_filter.resolve_comparison(node.attr_path, strict=False)
        name = binding.urn.rpartition(":")[2] if binding else ""
        if name == "externalId":
            return records.filter(external_id=node.value)
        column = INDEXED.get(name)
        if column and any(field.name == column for field in records.model._meta.get_fields()):
            return records.filter(Exact(Lower(F(column)), node.value.lower()))
    return records.filter(filter_condition(scim_filter, records.model._meta.db_table))


def _document(resource: Resource[Any]) -> tuple[dict[str, Any], list[str]]:
    """The attributes to store, and the ids of a group's members."""
    document: dict[str, Any] = resource.model_dump()
    for own in ("id", "meta"):
        document.pop(own, None)
    members = [member["value"] for member in document.pop("members", ()) if member.get("value")]
    if manager := (document.get(ENTERPRISE) or {}).get("manager"):
        value = manager.get("value") or str(manager.get("$ref", "")).rstrip("/").rpartition("/")[2]
        document[ENTERPRISE]["manager"] = {"value": value}
    return document, members


def _excludes_members(parameters: ResponseParameters[Any] | None) -> bool:
    """Whether the response leaves out a group's members, which can be many."""
    excluded = getattr(parameters, "excluded_attributes", None) or ()
    wanted = getattr(parameters, "attributes", None) or ()
    named = {str(path).lower().rpartition(":")[2] for path in excluded}
    shown = {str(path).lower().rpartition(":")[2].partition(".")[0] for path in wanted}
    return "members" in named or bool(shown and "members" not in shown)


@contextmanager
def _refusals() -> Iterator[None]:
    """Raise refusals and violated constraints as the errors of SCIM."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if getattr(error.__cause__, "pgcode", "") != UNIQUE_VIOLATION:
            raise
        raise UniquenessException(detail=_taken(error)) from error
    except Refused as refused:
        raise InvalidValueException(detail=refused.message) from refused


def _taken(error: IntegrityError) -> str:
    """A sentence that names the taken attribute, but not its owner."""
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") or ""
    values = {
        "roster_directory_user_name": "userName", "roster_directory_staff_no": "employeeNumber",
        "roster_directory_email": "work e-mail address", "roster_directory_group_name": "displayName",
    }  # fmt: skip
    return f"Another resource has this {values.get(constraint, 'value')}."
