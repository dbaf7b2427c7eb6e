"""Modèle de langue."""

import torch
