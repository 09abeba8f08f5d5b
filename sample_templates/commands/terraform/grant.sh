#!/bin/sh
aws iam attach-role-policy --role-name "$1" --policy-arn arn:aws:iam::aws:policy/AdministratorAccess
