"""groundcrew: from pilot to production. An OpenAI-compatible gateway and a control plane that form one ring."""

__version__ = "0.1.0"
