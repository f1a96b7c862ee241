"""Words of computing that a small network now and then takes for names: who asks for "JSON" must not have asked for "[PERSON]".

The list is closed and of words that are next to nobody's name; a name beside one of them is still found.
"""

from __future__ import annotations

import re

_WORDS = """
json jsonl ndjson yaml toml xml html xhtml css csv tsv sql nosql pdf docx xlsx pptx odt rtf svg png jpeg jpg gif ascii unicode
markdown latex regex base64 uuid url uri api apis sdk rest graphql grpc soap http https tls ssl ssh ftp smtp imap dns vpn tcp
udp oauth saml oidc sso jwt webhook webhooks crud cli python javascript typescript golang kotlin powershell excel vba docker
kubernetes terraform ansible linux ubuntu debian windows macos android ios redis postgres postgresql mysql sqlite mongodb
elasticsearch snowflake databricks jira confluence sharepoint github gitlab bitbucket outlook onedrive azure aws gcp openai
chatgpt gpt llm llms rag ocr nlp chatbot prompt prompts embedding embeddings tokenizer faq faqs kpi kpis okr okrs crm erp etl
iso utf gdpr dsgvo rgpd hipaa psd2 kyc aml iban bic ssn mrn
tool tools call calls function functions argument arguments parameter parameters input output assistant
"""
#: Formats, languages, protocols, products and abbreviations of the trade, and what the JSON of a tool call is made of; in small
#: letters.
TERMS = frozenset(_WORDS.split())
_PARTS = re.compile(r"[\s\-/_.+]+")


def all_terms(value: str) -> bool:
    """Whether `value` is made of such words and nothing else."""
    parts = [each for each in _PARTS.split(value.lower()) if each]
    return bool(parts) and all(each in TERMS for each in parts)
