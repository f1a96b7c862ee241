"""Signs requests to Bedrock (Signature Version 4) with the credentials of the process: environment, profile, container, instance.

The only module that imports botocore, and only when the first request must be signed: it comes with the extra `bedrock`.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from groundcrew.errors import UpstreamError

SERVICE = "bedrock"
#: How long credentials are used before they are asked for again. botocore renews them at least ten minutes before they expire.
CREDENTIALS_AGE_S_MAX = 60.0
#: How long finding credentials may take: an instance's metadata service may be slow, or not there.
CREDENTIALS_S_MAX = 10.0
_NO_BOTOCORE = "signing for Bedrock needs botocore, which is not installed: install groundcrew[bedrock], or declare an api_key"


class AwsSigner:
    """Signs with cached credentials. Finding and renewing them blocks and is done in a thread, once for all who wait."""

    def __init__(self) -> None:
        self._source: Any = None
        self._credentials: Any = None
        self._asked_s = 0.0
        self._lock = asyncio.Lock()

    async def headers(self, url: str, body: bytes, region: str, provider: str) -> dict[str, str]:
        """The headers that sign a POST of `body` to `url`, content type included. `url` must be sent exactly as it is given.

        UpstreamError where botocore is missing or there are no credentials.
        """
        frozen = await self._current(provider)
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(method="POST", url=url, data=body, headers={"content-type": "application/json"})
        SigV4Auth(frozen, SERVICE, region).add_auth(request)
        return {name.lower(): str(value) for name, value in request.headers.items()}

    async def _current(self, provider: str) -> Any:
        if self._credentials is not None and time.monotonic() - self._asked_s < CREDENTIALS_AGE_S_MAX:
            return self._credentials
        async with self._lock:
            if self._credentials is not None and time.monotonic() - self._asked_s < CREDENTIALS_AGE_S_MAX:
                return self._credentials
            try:
                async with asyncio.timeout(CREDENTIALS_S_MAX):
                    found = await asyncio.to_thread(self._find)
            except TimeoutError:
                raise UpstreamError(
                    f"provider {provider}: no AWS credentials within {CREDENTIALS_S_MAX:g} s", is_sent=False
                ) from None
            except ImportError:
                raise UpstreamError(f"provider {provider}: {_NO_BOTOCORE}", is_sent=False) from None
            except Exception as error:  # Whatever a profile, a process or a metadata service makes of it; it may repeat secrets.
                raise UpstreamError(f"provider {provider}: no AWS credentials ({type(error).__name__})", is_sent=False) from None
            if found is None:
                raise UpstreamError(
                    f"provider {provider}: no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                    "a profile or a role, or declare an api_key",
                    is_sent=False,
                )
            self._credentials, self._asked_s = found, time.monotonic()
            return found

    def _find(self) -> Any:
        """The credentials as they are now, None where there are none. Blocks.

        Those that renew themselves are kept; a key from the environment or a file is looked for anew.
        """
        from botocore.credentials import RefreshableCredentials
        from botocore.session import Session

        if not isinstance(self._source, RefreshableCredentials):
            self._source = Session().get_credentials()
        return None if self._source is None else self._source.get_frozen_credentials()
